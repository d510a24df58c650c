"""Short soaks: all ran exactly once, nothing grew with their number, and nothing is left over at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BACKENDS = ["asyncio", "trio"]
SERVERS = {"postgresql": "fresh_postgres_url", "mysql": "fresh_mysql_url", "redis": "fresh_valkey_url"}


def soak(url: str, backend: str, tasks: int) -> None:
    arguments = ["--url", url, "--backend", backend, "--tasks", str(tasks)]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "soak.program", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"{tasks:,} one-offs" in done.stdout


@pytest.mark.parametrize("backend", BACKENDS)
def test_memory(backend: str) -> None:
    soak("memory://", backend, 20_000)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sqlite(tmp_path: Path, backend: str) -> None:
    soak(f"sqlite:///{tmp_path / 'tasks.db'}", backend, 20_000)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", SERVERS)
def test_a_server(request: pytest.FixtureRequest, kind: str, backend: str) -> None:
    soak(request.getfixturevalue(SERVERS[kind]), backend, 5_000)
