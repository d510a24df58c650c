"""The servers of one test run: in one folder, shared by all its processes, and gone when it ends."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4

from servers._folder import locked
from servers._process import ServerProcess

ROOM = 2 * 1024**3  # bytes


class Startable(Protocol):
    """A server, or several that belong together."""

    def start(self) -> None:
        """Start what does not run yet."""

    def remove(self) -> None: ...


StartableT = TypeVar("StartableT", bound=Startable)
ServerT = TypeVar("ServerT", bound=ServerProcess)


class Run:
    """The folder of a run, with a guard that clears it away however the run ends."""

    def __init__(self) -> None:
        # Not in pytest's own folder: only its owner may enter that, and the path would be too long for Unix sockets.
        self.folder = Path(tempfile.mkdtemp(prefix="taskshed-servers-", dir=root()))
        self.folder.chmod(0o755)
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "servers._guard", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )

    def end(self) -> None:
        _, errors = self._guard.communicate()
        if self._guard.returncode:
            raise RuntimeError(f"the servers in {self.folder} could not be cleared away:\n{errors}")


def root() -> Path:
    """Where the folders of runs are: in memory if there is plenty, which makes a new database five times as fast."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        status = os.statvfs(memory)
        if status.f_bavail * status.f_frsize > ROOM and not status.f_flag & os.ST_NOEXEC:
            return memory
    return Path("/tmp")


def shared_server(run: Path, name: str, make: Callable[[Path], StartableT]) -> StartableT:
    """The server of that name; whichever process needs it first starts it."""
    with starting(run), locked(run / f"{name}.lock"):
        server = make(run / f"taskshed-{name}")
        server.start()
    return server


@contextmanager
def private_server(run: Path, name: str, make: Callable[[Path], StartableT]) -> Iterator[StartableT]:
    """A server that a test has to itself."""
    with starting(run):
        server = make(run / f"taskshed-{name}-{uuid4().hex[:8]}")
        server.start()
    try:
        yield server
    finally:
        server.remove()


def starting(run: Path) -> AbstractContextManager[None]:
    """The guard begins when nothing is being started, and from then on nothing can be."""
    return locked(run / "starting.lock", shared=True)


def copied(run: Path, name: str, make: Callable[[Path], ServerT]) -> Callable[[Path], ServerT]:
    """Have each new server begin with the data of one template: copying takes less time than initialising."""

    def make_copy(folder: Path) -> ServerT:
        server = make(folder)
        if not server.data.exists():
            server.initialise(_template(run, name, make))
        return server

    return make_copy


def _template(run: Path, name: str, make: Callable[[Path], ServerT]) -> Path:
    template = make(run / f"taskshed-{name}-template")
    with locked(run / f"{name}-template.lock"):
        if not template.data.exists():
            template.initialise()
    return template.data
