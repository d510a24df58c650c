from contextlib import AbstractContextManager

from taskshed._mailbox import Mailbox
from taskshed.workers._base import Worker
from taskshed.workers._looks import WakeRule
from taskshed.workers._shift import Message


def wake_when_due(now: int, next_due: int | None) -> int | None:
    """Sleep until the earliest due time, or until told of one."""
    return next_due


class EventDrivenWorker(Worker):
    """A worker that wakes exactly when the next task is due.

    It sleeps until the earliest due time in its datastore, and the datastore tells it of earlier ones.
    """

    def _wake_rule(self) -> WakeRule:
        return wake_when_due

    def _notices(self, inbox: Mailbox[Message]) -> AbstractContextManager[None]:
        return self._datastore.subscribed(inbox)
