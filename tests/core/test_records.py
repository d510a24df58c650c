"""Tasks as datastores keep them, and what comes of rows that nobody can read."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from taskshed._body import Body
from taskshed._clock import from_micros, to_micros
from taskshed._progress import Progress
from taskshed._records import Record, describe_unreadable, freeze, read_record, thaw
from taskshed.models import Status, Task

NOON = datetime(2030, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

MINUTE = timedelta(minutes=1)
POLICIES: dict[str, Task] = {
    "cron": Task(callback="ring", cron="@daily"),
    "cron in a zone": Task(callback="ring", run_at=NOON, cron="30 2 * * mon", timezone="Europe/Berlin"),
    "misfire_grace": Task(callback="ring", misfire_grace=timedelta.resolution),
    "queue": Task(callback="ring", interval=MINUTE, overlap="queue"),
    "allow": Task(callback="ring", interval=MINUTE, overlap="allow"),
    "jitter": Task(callback="ring", jitter=MINUTE),
    "end_at": Task(callback="ring", run_at=NOON, interval=MINUTE, end_at=NOON),
    "max_runs": Task(callback="ring", cron="@hourly", max_runs=1),
    "fixed_delay": Task(callback="ring", interval=MINUTE, fixed_delay=True),
    "beside others": Task(callback="ring", occurrence_of="a"),
}
TASKS: dict[str, Task] = POLICIES | {
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
    told = msgspec.structs.replace(task, status="failed", attempts=3, error="boom", runs=4, skipped=5, delayed=MINUTE)
    assert freeze(told) == freeze(task)


def test_a_cron_expression_thaws_as_it_was_written() -> None:
    task = Task(callback="ring", run_at=NOON, cron=" 30 2 * * mon ")
    assert thaw(freeze(task)) == task


def test_a_body_leaves_out_what_is_default() -> None:
    assert freeze(Task(callback="ring")).body == '{"callback":"ring"}'


def test_a_body_holds_the_rest() -> None:
    task = Task(callback="r", kwargs={"a": 1}, run_type="recurring", interval=timedelta(seconds=90), coalesce=False)
    text = '{"callback":"r","kwargs":{"a":1},"schedule":{"type":"interval","every":"PT90S"},"coalesce":false}'
    assert freeze(task).body == text


BODIES: dict[str, str] = {
    "cron": '{"callback":"ring","schedule":{"type":"cron","expression":"@daily","timezone":"UTC"}}',
    "misfire_grace": '{"callback":"ring","misfire_grace":"PT0.000001S"}',
    "jitter": '{"callback":"ring","jitter":"PT60S"}',
    "beside others": '{"callback":"ring","occurrence_of":"a"}',
}


@pytest.mark.parametrize(("name", "text"), BODIES.items(), ids=BODIES)
def test_a_policy_is_written_as(name: str, text: str) -> None:
    assert freeze(POLICIES[name]).body == text


@pytest.mark.parametrize("end_at", [NOON - timedelta.resolution, FIRST], ids=str)
def test_a_task_that_ends_before_it_begins_is_not_stored(end_at: datetime) -> None:
    with pytest.raises(ValueError, match=f"run_at .*{NOON.year}.* end_at .*{end_at.microsecond}"):
        freeze(Task(callback="ring", run_at=NOON, interval=MINUTE, end_at=end_at))


JITTERED: dict[str, tuple[timedelta | None, float, timedelta]] = {
    # now is so much before NOON, chance, how much later than NOON it runs
    "not asked to": (None, 1, timedelta(0)),
    "yet to come, by no chance": (MINUTE, 0, timedelta(0)),
    "yet to come, by half a chance": (MINUTE, 0.5, MINUTE / 2),
    "yet to come, by all chance": (MINUTE, 1, MINUTE),
    "due now": (timedelta(0), 1, timedelta(0)),
    "past": (-MINUTE, 1, timedelta(0)),
}


@pytest.mark.parametrize(("before", "chance", "expected"), JITTERED.values(), ids=JITTERED)
def test_a_new_task_is_put_off_by_its_jitter_if_it_is_yet_to_come(
    before: timedelta | None, chance: float, expected: timedelta
) -> None:
    task = Task(callback="ring", run_at=NOON, jitter=MINUTE)
    record = freeze(task, None if before is None else to_micros(NOON - before), chance)
    assert from_micros(record.run_at) == NOON + expected
    assert thaw(record) == msgspec.structs.replace(task, delayed=expected)
    assert (record.progress is None) == (not expected)


def test_a_task_that_was_moved_stands_at_an_occurrence_itself() -> None:
    record = freeze(Task(callback="ring", run_at=NOON, jitter=MINUTE), 0, 1)
    record.run_at += 1
    moved = thaw(record)
    assert (moved.run_at, moved.delayed) == (NOON + MINUTE + timedelta.resolution, timedelta(0))


def test_progress_is_told_and_read() -> None:
    record = row(progress='{"runs":3,"skipped":2,"delay":5,"delayed_to":7}', run_at=7)
    task = thaw(record)
    assert (task.runs, task.skipped, task.delayed) == (3, 2, timedelta(microseconds=5))
    assert task.run_at == from_micros(2)
    assert read_record(record) == (Body("ring"), Progress(runs=3, skipped=2, delay=5, delayed_to=7))


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
    "schedule text": {"body": '{"callback":"ring","schedule":"daily"}'},
    "schedule of an unknown kind": {"body": '{"callback":"ring","schedule":{"type":"sun"}}'},
    "schedule of no kind": {"body": '{"callback":"ring","schedule":{"every":"PT1S"}}'},
    "interval zero": {"body": '{"callback":"ring","schedule":{"type":"interval","every":"PT0S"}}'},
    "cron never comes": {"body": '{"callback":"ring","schedule":{"type":"cron","expression":"0 0 31 2 *"}}'},
    "zone unknown": {"body": '{"callback":"ring","schedule":{"type":"cron","expression":"@daily","timezone":"X/Y"}}'},
    "overlap unknown": {"body": '{"callback":"ring","overlap":"drop"}'},
    "overlap of a one-off": {"body": '{"callback":"ring","overlap":"queue"}'},
    "end_at no time": {"body": '{"callback":"ring","end_at":"tomorrow"}'},
    "progress empty": {"progress": ""},
    "progress no object": {"progress": "[]"},
    "progress with text for a number": {"progress": '{"runs":"1"}'},
    "progress jittered beyond all days": {"progress": '{"delay":100000000000000000000,"delayed_to":0}'},
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


FOR_NO_WORKER: list[dict[str, Any]] = [
    {"run_at": FAR},
    {"run_at": None},
    {"body": "{"},
    {"body": '{"callback":"ring","end_at":"2030-01-02T00:00:00"}'},
    {"progress": "{"},
    {"progress": '{"delay":-1}'},
    {"progress": '{"runs":18446744073709551615}'},
    {"run_at": 5, "progress": '{"delay":1000000000000000000,"delayed_to":5}'},
]


@pytest.mark.parametrize("fields", FOR_NO_WORKER, ids=str)
def test_a_worker_cannot_read_such_a_row_either(fields: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        read_record(row(**fields))
    assert type(caught.value).__name__ in describe_unreadable(caught.value)
