"""What a datastore tells listeners of what its users do, and of itself."""

from typing import Any

from taskshed._body import body_of
from taskshed._broadcast import Broadcast, present
from taskshed._clock import from_micros
from taskshed._records import Record
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Cancel,
    Command,
    Failed,
    InGroup,
    Move,
    Pause,
    Remove,
    Resume,
    Retry,
    Selection,
)
from taskshed.errors import DatastoreUnavailableError
from taskshed.events import StoreAvailable, StoreUnavailable, TaskAdded, TasksChanged

_CHANGES: dict[type[Command[Any]], Any] = {
    Pause: "paused",
    Resume: "resumed",
    Move: "moved",
    Remove: "removed",
    Retry: "retried",
    Cancel: "cancelled",
}


class Telling:
    """Tells events; makes none while nobody listens."""

    def __init__(self, events: Broadcast) -> None:
        self._events = events
        self._unavailable = False

    def done(self, command: Command[Any], answer: Any) -> None:
        """A user's command was carried out."""
        if not self._events.is_heard:
            return
        if isinstance(command, Add) and isinstance(answer, Added):
            for record in command.records:
                if record.task_id not in answer.kept:
                    self._events.tell(_added(record))
        elif (change := _CHANGES.get(type(command))) is not None:
            self._events.tell(TasksChanged(at=present(), change=change, **_selected(command)))

    def worked(self) -> None:
        """The storage has done what it was asked."""
        if self._unavailable:
            self._unavailable = False
            self._events.tell(StoreAvailable(at=present()))

    def failed(self, error: Exception) -> None:
        """It has not."""
        if isinstance(error, DatastoreUnavailableError) and not self._unavailable:
            self._unavailable = True
            self._events.tell(StoreUnavailable(at=present(), error=str(error)))


def _added(record: Record) -> TaskAdded:
    return TaskAdded(
        at=present(),
        task_id=record.task_id,
        group_id=record.group_id,
        callback=body_of(record.body).callback,
        run_at=from_micros(record.run_at),
    )


def _selected(command: Any) -> dict[str, Any]:
    selection: Selection = ById(tuple(command.times)) if isinstance(command, Move) else command.selection
    match selection:
        case ById(task_ids=task_ids):
            return {"task_ids": task_ids}
        case InGroup(group_id=group_id):
            return {"group_id": group_id}
        case Failed():
            return {"status": "failed"}
        case _:
            return {}
