"""Tasks as datastores keep them, and what comes of rows that nobody can read."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from taskshed._clock import from_micros, to_micros
from taskshed._records import Record, describe_unreadable, freeze, read_body, thaw
from taskshed.models import Status, Task

NOON = datetime(2030, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

TASKS: dict[str, Task] = {
    "least": Task(callback="ring"),
    "recurring": Task(callback="ring", run_type="recurring", interval=timedelta(microseconds=1), coalesce=False),
    "longest interval": Task(callback="ring", run_type="recurring", interval=timedelta.max),
    "paused": Task(callback="ring", group_id="g", paused=True, paused_at=NOON),
    "first instant": Task(callback="ring", run_at=FIRST, paused=True, paused_at=FIRST),
    "last instant": Task(callback="ring", run_at=LAST, paused=True, paused_at=LAST),
    "names": Task(callback="é" * 255, task_id="😀" * 255, group_id='"\\\x01'),
    "arguments": Task(callback="ring", kwargs={"a": [None, True, 0.1, 10**40, {"": {}}], "é": "\x00"}),
}


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_what_is_frozen_thaws_as_it_was(task: Task) -> None:
    assert thaw(freeze(task)) == task


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_new_task_begins_without_a_history(task: Task) -> None:
    told = msgspec.structs.replace(task, status="failed", attempts=3, error="boom")
    assert freeze(told) == freeze(task)


def test_a_body_leaves_out_what_is_default() -> None:
    assert freeze(Task(callback="ring")).body == '{"callback":"ring"}'


def test_a_body_holds_the_rest() -> None:
    task = Task(callback="r", kwargs={"a": 1}, run_type="recurring", interval=timedelta(seconds=90), coalesce=False)
    text = '{"callback":"r","kwargs":{"a":1},"run_type":"recurring","interval":"PT90S","coalesce":false}'
    assert freeze(task).body == text


def test_arguments_without_a_form_in_json_are_refused_by_their_place() -> None:
    with pytest.raises(ValueError, match=r"kwargs\['a'\]\[0\] is nan"):
        freeze(Task(callback="ring", kwargs={"a": [math.nan]}))


def row(**fields: Any) -> Record:
    values: dict[str, Any] = {"task_id": "a", "body": '{"callback":"ring"}', "run_at": 0}
    return Record(**values | fields)


STATES: dict[str, tuple[dict[str, Any], int | None, Status]] = {
    "idle": ({"run_at": 5}, 5, "scheduled"),
    "claimed": ({"run_at": 5, "leased_until": 9}, 9, "running"),
    "paused": ({"run_at": 5, "paused_at": 3}, None, "scheduled"),
    "paused while it runs": ({"run_at": 5, "leased_until": 9, "paused_at": 7}, None, "running"),
    "failed": ({"run_at": 5, "failed_at": 6}, None, "failed"),
    "failed and paused": ({"run_at": 5, "failed_at": 6, "paused_at": 7}, None, "failed"),
    "at the epoch": ({"run_at": 0}, 0, "scheduled"),
    "leased until the epoch": ({"run_at": -5, "leased_until": 0}, 0, "running"),
    "paused at the epoch": ({"run_at": -5, "paused_at": 0}, None, "scheduled"),
    "failed at the epoch": ({"run_at": -5, "failed_at": 0}, None, "failed"),
}


@pytest.mark.parametrize(("fields", "due", "status"), STATES.values(), ids=STATES)
def test_a_record_is_due_and_tells_its_status(fields: dict[str, Any], due: int | None, status: Status) -> None:
    record = row(**fields)
    assert record.due == due
    task = thaw(record)
    assert (task.status, task.paused) == (status, record.paused_at is not None)
    assert task.run_at == from_micros(record.run_at)
    assert task.paused_at == (None if record.paused_at is None else from_micros(record.paused_at))


def test_attempts_and_error_are_told() -> None:
    task = thaw(row(attempts=4, error="boom"))
    assert (task.attempts, task.error) == (4, "boom")


def test_a_body_of_a_newer_version_is_read_without_what_is_new() -> None:
    assert thaw(row(body='{"callback":"ring","colour":"red"}')).callback == "ring"


FAR = to_micros(LAST) + 1
BAD: dict[str, dict[str, Any]] = {
    "run_at text": {"run_at": "2030-01-02"},
    "run_at None": {"run_at": None},
    "run_at after 9999": {"run_at": FAR},
    "run_at before 1": {"run_at": to_micros(FIRST) - 1},
    "run_at beyond all days": {"run_at": 10**20},
    "run_at beyond C": {"run_at": 10**400},
    "run_at no number": {"run_at": math.nan},
    "run_at infinite": {"run_at": math.inf},
    "body empty": {"body": ""},
    "body cut off": {"body": '{"callback":"ri'},
    "body None": {"body": None},
    "body no object": {"body": "[]"},
    "body without a callback": {"body": "{}"},
    "callback empty": {"body": '{"callback":""}'},
    "callback no text": {"body": '{"callback":5}'},
    "run_type unknown": {"body": '{"callback":"ring","run_type":"daily"}'},
    "interval missing": {"body": '{"callback":"ring","run_type":"recurring"}'},
    "interval zero": {"body": '{"callback":"ring","run_type":"recurring","interval":"PT0S"}'},
    "kwargs no object": {"body": '{"callback":"ring","kwargs":[1]}'},
    "body nested without end": {"body": '{"callback":"ring","kwargs":{"a":' + "[" * 100_000},
    "body not Unicode": {"body": '{"callback":"\ud800"}'},
    "group of the wrong type": {"group_id": 5},
    "group empty": {"group_id": ""},
    "group too long": {"group_id": "g" * 256},
    "group not Unicode": {"group_id": "\ud800"},
    "id of the wrong type": {"task_id": 5},
    "paused_at text": {"paused_at": "2030-01-02"},
    "paused_at after 9999": {"paused_at": FAR},
    "everything": {"run_at": FAR, "body": None, "group_id": "", "paused_at": "x", "failed_at": "x", "error": None},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_a_row_that_cannot_be_read_is_a_failed_task_that_says_why(fields: dict[str, Any]) -> None:
    task = thaw(row(**fields))
    assert task.status == "failed"
    assert (task.error or "").startswith("the stored task cannot be read: ")
    assert task.error != "the stored task cannot be read: "
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task


def test_a_row_that_cannot_be_read_keeps_what_is_sound() -> None:
    task = thaw(row(body="{", run_at=to_micros(NOON), group_id="g"))
    assert (task.task_id, task.run_at, task.group_id) == ("a", NOON, "g")


def test_a_row_that_cannot_be_read_keeps_the_error_it_has() -> None:
    assert thaw(row(body="{", failed_at=5, error="boom")).error == "boom"


@pytest.mark.parametrize("fields", [{"run_at": FAR}, {"run_at": None}, {"body": "{"}, {"body": None}], ids=str)
def test_a_worker_cannot_read_such_a_row_either(fields: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        read_body(row(**fields))
    assert type(caught.value).__name__ in describe_unreadable(caught.value)
