"""How processes under faults write."""

import logging
import os


def say(*words: object) -> None:
    # One write of a short line is atomic in a pipe, so that processes can share one.
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def log_to(file: str) -> None:
    """Keep what is logged in a file, unless the disk is full."""
    logging.raiseExceptions = False
    logging.basicConfig(filename=file, format="%(asctime)s %(process)d %(levelname)s %(message)s")
