"""How processes under faults write, and what all of them can be told."""

import logging
import os
import resource


def say(*words: object) -> None:
    # One write of a short line is atomic in a pipe, so that processes can share one.
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def log_to(file: str) -> None:
    """Keep what is logged in a file, unless the disk is full."""
    logging.raiseExceptions = False
    logging.basicConfig(filename=file, format="%(asctime)s %(process)d %(levelname)s %(message)s")


def limit_files(size: int) -> None:
    """Let this process not write to a file beyond that size, as if the disk was full; 0 is no limit."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size or most, most))
