"""Every error that TaskShed raises on its own account.

::

    TaskShedError
    ├── TaskNotFoundError               a task id that the datastore does not know  (also a LookupError)
    ├── IncorrectCallbackNameError      a callback name that no callback map holds  (also a LookupError)
    ├── MissingDriverError              what a datastore needs is not installed  (also an ImportError)
    ├── NotRunningError                 a call to something not started, or shut down  (also a RuntimeError)
    └── DatastoreError                  the datastore refused; the message says why
        ├── DatastoreUnavailableError   it may work again later: locked, full, out of reach
        └── DatastoreFormatError        it will not work as it is: foreign, read-only or written by a newer TaskShed

Arguments that make no sense are a plain ``ValueError`` or ``TypeError`` from the call that brought them.
"""

from collections.abc import Collection


class TaskShedError(Exception):
    """Base of all errors below."""


class TaskNotFoundError(TaskShedError, LookupError):
    """No task has these ids; the call was carried out for all the others.

    Attributes:
        task_ids: the ids that were not found, as a tuple of str.
    """

    def __init__(self, task_ids: Collection[str]) -> None:
        self.task_ids = tuple(task_ids)
        shown = ", ".join(repr(task_id) for task_id in self.task_ids[:10])
        more = f" and {len(self.task_ids) - 10} more" if len(self.task_ids) > 10 else ""
        super().__init__(f"no task with id {shown}{more}")


class IncorrectCallbackNameError(TaskShedError, LookupError):
    """A task names a callback that is not in the worker's callback map."""


class NotRunningError(TaskShedError, RuntimeError):
    """Something was used before it was started or after it was shut down."""


class MissingDriverError(TaskShedError, ImportError):
    """A driver is not installed; the message says how to install it."""


class DatastoreError(TaskShedError):
    """The datastore could not do what it was asked."""


class DatastoreUnavailableError(DatastoreError):
    """The datastore cannot be reached or written at present; trying again later may work.

    Nothing was changed, unless the message says that it is not known.
    """


class DatastoreFormatError(DatastoreError):
    """What is stored there is not TaskShed's, cannot be written, or was written by a newer TaskShed."""
