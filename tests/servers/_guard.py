"""Clears a test run's servers away when the run ends: `python -m servers._guard FOLDER`, with the run at its stdin.

Stdin ends when the run closes it, and also when the run is killed.
"""

import shutil
import signal
import sys
from pathlib import Path

from servers._folder import comes_true, ends, locked, send_signal


def main() -> None:
    run = Path(sys.argv[1])
    sys.stdin.read()
    with locked(run / "starting.lock"):  # workers may outlive a run that is killed, and still be starting a server
        folders = [log.parent for log in run.glob("*/log")]
        for folder in folders:
            send_signal(folder)
        for folder in folders:
            if not ends(folder, seconds=20):
                send_signal(folder, signal.SIGKILL)
                ends(folder, seconds=5)
        ended = run.rename(run.with_name(f"{run.name}-ended"))  # where nobody looks for the lock any more
    if not comes_true(lambda: is_removed(ended), seconds=20):
        sys.exit(f"{ended} could not be removed")


def is_removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)  # a worker may be at it, too
    return not folder.exists()


if __name__ == "__main__":
    main()
