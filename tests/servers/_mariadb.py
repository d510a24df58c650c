"""MariaDB, started from the machine's own binaries."""

import os
import shutil
import signal
import socket
from pathlib import Path

from servers._databases import DatabaseServer
from servers._process import ServerProcess

LOG_SIZE = "--innodb-log-file-size=16M"  # the default has every copy of the data weigh 100 MB
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
SETTINGS = {
    "bind-address": "127.0.0.1",
    "character-set-server": "latin1",  # so that a table without a character set of its own shows
    "innodb-flush-log-at-trx-commit": "2",  # what is committed outlives the server, if not the machine
    "innodb-buffer-pool-size": "64M",
    "max-connections": "300",
}


class MariaDBServer(ServerProcess, DatabaseServer):
    """A MariaDB server."""

    stop_signal = signal.SIGTERM

    @property
    def address(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}"

    def _install_command(self) -> list[str]:
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", LOG_SIZE]
        places = [f"--datadir={self.data}", f"--tmpdir={self._temporary()}"]
        return [program("mariadb-install-db"), "--no-defaults", *places, *options, *_user()]

    def _command(self) -> list[str]:
        files = {"datadir": self.data, "socket": self._socket, "pid-file": self.folder / "mariadbd.pid"}
        files["tmpdir"] = self._temporary()
        settings = [f"--{name}={value}" for name, value in (files | SETTINGS).items()]
        options = [f"--port={self.port}", "--skip-name-resolve", LOG_SIZE, *settings, *_user()]
        return [program("mariadbd"), "--no-defaults", *options]

    def _answers(self) -> bool:
        # Through the socket in its folder: on the port there might be somebody else.
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.settimeout(5)
                connection.connect(str(self._socket))
                return connection.recv(1) != b""
            except OSError:
                return False

    def _temporary(self) -> Path:
        # A server that starts deletes what it takes for its own there: in a common folder, that of others too.
        folder = self.folder / "tmp"
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"


def program(name: str) -> str:
    return shutil.which(name, path=PATH) or name


def is_installed() -> bool:
    return all(shutil.which(name, path=PATH) for name in ("mariadbd", "mariadb-install-db"))


def _user() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []
