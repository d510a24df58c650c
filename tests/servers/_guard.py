"""Clears a test run's servers away when the run ends: `python -m servers._guard FOLDER`, with the run at its stdin.

Stdin ends when the run closes it, and also when the run is killed.
"""

import shutil
import signal
import sys
import time
from pathlib import Path

from servers._folder import ends, send_signal


def clear(run: Path) -> None:
    folders = [file.parent for file in run.glob("*/process")]
    for folder in folders:
        send_signal(folder)
    for folder in folders:
        if not ends(folder, seconds=20):
            send_signal(folder, signal.SIGKILL)
            ends(folder, seconds=5)
    shutil.rmtree(run, ignore_errors=True)


def main() -> None:
    run = Path(sys.argv[1])
    sys.stdin.read()
    clear(run)
    while run.exists():  # a worker that outlives its killed run may still have been starting a server
        time.sleep(0.2)
        clear(run)


if __name__ == "__main__":
    main()
