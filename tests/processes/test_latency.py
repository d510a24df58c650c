"""The program that measures latencies."""

import re
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("latency.py")


def test_it_prints_what_it_has_measured(database: str) -> None:
    command = [sys.executable, "-W", "error", str(PROGRAM), database, "--backend", "trio", "--samples", "3"]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"3 samples: p50 [\d.]+ ms, p95 [\d.]+ ms, max [\d.]+ ms\n", run.stdout)
