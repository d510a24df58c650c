from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Unpack

from taskshed._clock import duration_micros
from taskshed._mailbox import Mailbox
from taskshed.datastores._actor import DataStore
from taskshed.models import duration
from taskshed.workers._base import Worker
from taskshed.workers._callbacks import Callback
from taskshed.workers._looks import WakeRule
from taskshed.workers._settings import WorkerSettings
from taskshed.workers._shift import Message


def wake_every(interval: int) -> WakeRule:
    """Look every `interval` microseconds, and at once while more is due than was taken."""

    def rule(now: int, next_due: int | None) -> int | None:
        return now if next_due is not None and next_due <= now else now + interval

    return rule


class PollingWorker(Worker):
    """A worker that looks into its datastore at an interval and needs no notice of anything.

    Args:
        polling_interval: how long it waits between two looks; a task starts up to that much late.
    """

    def __init__(
        self,
        callback_map: Mapping[str, Callback],
        datastore: DataStore,
        polling_interval: timedelta = timedelta(seconds=3),
        **settings: Unpack[WorkerSettings],
    ) -> None:
        super().__init__(callback_map, datastore, **settings)
        duration(least=timedelta(milliseconds=1))("polling_interval", polling_interval)
        self._polling_interval = polling_interval

    def _wake_rule(self) -> WakeRule:
        return wake_every(duration_micros(self._polling_interval))

    def _notices(self, inbox: Mailbox[Message]) -> AbstractContextManager[None]:
        return nullcontext()
