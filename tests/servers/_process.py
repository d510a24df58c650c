"""A server process of the tests."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from servers._folder import comes_true, ends, is_running, process_of, send_signal

if sys.platform != "win32":
    import fcntl


def free_port() -> int:
    """A port below those the system gives to clients: while the server is down, no client can come to sit on it.

    (Not even one that tries to connect to it: from its own number, a port answers itself.)
    """
    while True:
        port = random.randrange(20_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def accepts(port: int) -> bool:
    """Whether anybody listens on it."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


class ServerProcess(ABC):
    """A server on the loopback interface, in a folder of its own."""

    stop_signal: ClassVar[signal.Signals]
    user_id: int | None = None  # whom the server runs as, if not as the tests
    group_id: int | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    @cached_property
    def port(self) -> int:
        return self._port("port")

    @property
    def pid(self) -> int:
        """The id of its process, whether that still runs or not."""
        return process_of(self.folder)[0]

    @property
    def running(self) -> bool:
        return is_running(self.folder)

    def initialise(self, template: Path | None = None) -> None:
        """Make the folder and the data in it: anew, or as a copy of another stopped server's data."""
        self.folder.mkdir()
        self.folder.chmod(0o755)
        if self.user_id is not None and self.group_id is not None:
            os.chown(self.folder, self.user_id, self.group_id)
        if template is not None:
            subprocess.run(["cp", "-a", template, self.data], check=True)
            return
        if self._run(self._install_command()).returncode:
            complaint = self._complaint("could not be initialised")
            shutil.rmtree(self.folder)  # whoever tries again is to see the same complaint
            raise RuntimeError(complaint)

    def start(self) -> None:
        """Start it, on the same port and data as the time before; returns when it answers."""
        if self.running:
            return
        if not self.data.exists():
            self.initialise()
        launch = f'"$@" & echo $! {int(self.stop_signal)} > process'
        self._run(["sh", "-c", launch, "sh", *self._command()])
        if not comes_true(lambda: self._answers() or not self.running) or not self.running:
            self.kill()
            raise RuntimeError(self._complaint("did not start"))

    def stop(self) -> None:
        """Have it close what is open and shut down; returns when it is gone."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it as a crash would; returns when it is gone."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder)

    def _port(self, name: str) -> int:
        """The port of that name, which stays the same."""
        file = self.folder / name
        if not file.exists():
            file.write_text(str(free_port()))
        return int(file.read_text())

    def _end(self, signal_number: signal.Signals) -> None:
        send_signal(self.folder, signal_number)
        if not ends(self.folder):
            raise RuntimeError(self._complaint(f"did not end on {signal_number.name}"))

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        """Run a command that writes to the log, and holds the lock on it until its last child has ended."""
        with (self.folder / "log").open("ab") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C is for the tests
                user=self.user_id,
                group=self.group_id,
                extra_groups=None if self.user_id is None else [],
                check=False,
            )

    def _complaint(self, what: str) -> str:
        tail = (self.folder / "log").read_text(errors="replace")[-3000:]
        return f"{type(self).__name__} in {self.folder} {what}; the end of its log:\n{tail}"

    @abstractmethod
    def _install_command(self) -> list[str]: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...
