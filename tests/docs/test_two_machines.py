"""The two programs that the page on Redis shows: one machine schedules, another works."""

import os
import subprocess
import sys
from pathlib import Path

from docs.test_blocks import PROCESSES


def test_what_one_process_schedules_the_other_runs(fresh_valkey_url: str, tmp_path: Path) -> None:
    assert sorted(PROCESSES) == ["schedule.py", "work.py"]
    for name, block in PROCESSES.items():
        assert block.place.startswith("docs/how-to/redis.md")
        (tmp_path / name).write_text(block.text, encoding="utf-8")
    environment = os.environ | {"DATABASE_URL": fresh_valkey_url}
    python = [sys.executable, "-W", "error", "-X", "dev"]
    with subprocess.Popen(
        [*python, "work.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as worker:
        try:
            assert worker.stdout is not None
            for name in ("Ada", "Grace"):
                subprocess.run([*python, "schedule.py", name], cwd=tmp_path, env=environment, check=True, timeout=30)
                assert worker.stdout.readline() == f"Hello, {name}!\n"
        finally:
            worker.kill()
