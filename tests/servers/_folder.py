"""What is known of a server from its folder alone, so that any process of a test run can find and end it.

The server is nobody's child, as it may outlive the process that started it. It holds a lock on its log, which its own
children inherit: while the lock is held it runs, and when the lock is free all of it is gone.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PATIENCE = 60.0  # seconds for a server to start, or to end


def is_running(folder: Path) -> bool:
    try:
        with (folder / "log").open("rb") as log:
            fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def process_of(folder: Path) -> tuple[int, int]:
    """The id of the process that the server of that folder was started in, and the signal that stops it."""
    pid, stop_signal = (folder / "process").read_text().split()
    return int(pid), int(stop_signal)


def send_signal(folder: Path, signal_number: int | None = None) -> None:
    """Signal the server of that folder, if it runs: to stop, unless told otherwise."""
    if is_running(folder) and (folder / "process").exists():  # else it is only being initialised
        pid, stop_signal = process_of(folder)
        with suppress(ProcessLookupError):  # only children of it are left, and they are about to end
            os.kill(pid, stop_signal if signal_number is None else signal_number)


def ends(folder: Path, seconds: float = PATIENCE) -> bool:
    """Wait for the server of that folder to be gone."""
    return comes_true(lambda: not is_running(folder), seconds)


def comes_true(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
