"""What goes wrong with a server, in TaskShed's terms."""

from typing import Literal

from taskshed.errors import DatastoreError, DatastoreFormatError, DatastoreUnavailableError

# What became of what was wanted, as errors say it.
UNCHANGED = "nothing was changed"
UNKNOWN = "it is not known whether anything was changed"

Kind = Literal["again", "unavailable", "lost", "late", "format", "refused"]

_CLASSES: dict[Kind, type[DatastoreError]] = {
    "again": DatastoreUnavailableError,
    "unavailable": DatastoreUnavailableError,
    "lost": DatastoreUnavailableError,
    "late": DatastoreUnavailableError,
    "format": DatastoreFormatError,
    "refused": DatastoreError,
}


class Trouble(Exception):  # noqa: N818 - what it becomes is an error
    """A server's complaint, and what it means.

    ============= ===================================================================
    `again`       others were in the way; nothing was changed, and at once it may work
    `unavailable` nothing was changed, and later it may work
    `lost`        the connection broke, so it is not known whether anything was changed
    `late`        there was no answer in time, so neither is it
    `format`      it will not work as the database is
    `refused`     this call will not work
    ============= ===================================================================
    """

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind: Kind = kind
        self.reason = reason

    @property
    def leaves_doubt(self) -> bool:
        """Whether what was asked for may have been done all the same."""
        return self.kind in ("lost", "late")

    def error(self, place: str, effect: str) -> DatastoreError:
        """What callers get to see; `effect` is `UNCHANGED` or `UNKNOWN`."""
        return _CLASSES[self.kind](f"{place}: {self.reason}; {effect}")
