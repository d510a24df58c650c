"""However a test run ends, it leaves no server, no folder and no shared memory behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from servers._databases import execute
from servers._folder import comes_true
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer
from servers._process import accepts
from servers._redis import RedisServer

ROOT = Path(__file__).parents[2]
STATUSES = {"success": 0, "killed server": 0, "failure": 2, "SIGINT": 2, "SIGKILL": -9}  # pytest's
ENDINGS = [("success", 0), ("killed server", 0), ("failure", 2), ("SIGINT", 0), ("SIGINT", 2), ("SIGKILL", 2)]

pytestmark = pytest.mark.usefixtures("postgres_binaries", "mysql_server", "valkey_binary")


@pytest.mark.parametrize(("ending", "workers"), ENDINGS)
def test_a_run_leaves_nothing_behind(tmp_path: Path, ending: str, workers: int) -> None:
    folder, ports = run_tests(tmp_path, ending, workers)
    assert comes_true(lambda: not folder.exists(), seconds=30 if ending == "SIGKILL" else 0)
    assert not [port for port in ports if accepts(port)]


def test_a_run_uses_given_servers_and_drops_its_databases_there(
    tmp_path: Path, private_postgres: PostgresServer, private_mariadb: MariaDBServer, private_valkey: RedisServer
) -> None:
    _, ports = run_tests(
        tmp_path,
        "failure",
        workers=2,
        TASKSHED_TEST_POSTGRES_URL=private_postgres.address,
        TASKSHED_TEST_MYSQL_URL=private_mariadb.address,
        TASKSHED_TEST_REDIS_URL=private_valkey.url,
    )
    assert {private_postgres.port, private_mariadb.port, private_valkey.port} <= ports
    for address, query in [
        (private_postgres.address, "SELECT datname FROM pg_database"),
        (private_mariadb.address, "SHOW DATABASES"),
    ]:
        databases = {name for (name,) in execute(address, query)}
        assert "tasks" in databases
        assert not [name for name in databases if name.startswith("taskshed_test_")]


def run_tests(notes: Path, ending: str, workers: int, **settings: str) -> tuple[Path, set[int]]:
    """Run a_run.py to its end; returns what it told: the folder of its servers, and their ports."""
    options = ["-p", "servers.fixtures", "-p", "no:cacheprovider", "-x", f"--basetemp={notes / 'tmp'}"]
    command = [sys.executable, "-m", "pytest", *options, "-n", str(workers), str(Path(__file__).with_name("a_run.py"))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ENDING": ending, "NOTES": str(notes)}
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        try:
            if ending.startswith("SIG"):
                comes_true(lambda: has_begun(notes, workers) or process.poll() is not None)
                # Ctrl-C is for all processes at the terminal.
                (os.killpg if ending == "SIGINT" else os.kill)(process.pid, signal.Signals[ending])
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == STATUSES[ending], output.decode()
    told = [note.read_text().split() for note in notes.glob("*.note")]
    (folder,) = {folder for folder, *_ in told}  # one for all workers
    return Path(folder), {int(port) for _, *ports in told for port in ports}


def has_begun(notes: Path, workers: int) -> bool:
    return len(list(notes.glob("*.note"))) == max(workers, 1)
