"""Tasks and execution times as JSON, also between versions that know more or fewer fields."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from taskshed.models import Occurrence, PlannedRun, Task, TaskExecutionTime

NOON = datetime(2030, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)

Struct = Task | TaskExecutionTime | Occurrence | PlannedRun
STRUCTS: dict[str, Struct] = {
    "least": Task(callback="ring"),
    "all fields": Task(
        callback="ring",
        run_at=NOON,
        run_type="recurring",
        task_id="é😀",
        kwargs={"a": [1, None, {"b": 0.1}], "": "x"},
        interval=timedelta(days=400, microseconds=1),
        group_id="g",
        paused=True,
        paused_at=NOON,
        coalesce=False,
        status="failed",
        attempts=3,
        error="callback 'ring': ValueError: no",
    ),
    "cron with all policies": Task(
        callback="ring",
        run_at=NOON,
        cron="30 2 * * mon-fri",
        timezone="Europe/Berlin",
        misfire_grace=timedelta(hours=1),
        overlap="queue",
        jitter=timedelta(seconds=30),
        end_at=NOON + timedelta(days=365),
        max_runs=7,
        runs=3,
        skipped=2,
        delayed=timedelta(microseconds=1),
    ),
    "fixed delay": Task(callback="ring", interval=timedelta(seconds=1), fixed_delay=True),
    "beside others": Task(callback="ring", occurrence_of="a"),
    "first and last instant": Task(
        callback="ring",
        run_at=datetime.max.replace(tzinfo=UTC),
        paused=True,
        paused_at=datetime.min.replace(tzinfo=UTC),
    ),
    "longest interval": Task(callback="ring", run_type="recurring", interval=timedelta.max),
    "shortest interval": Task(callback="ring", run_type="recurring", interval=timedelta.resolution),
    "execution time": TaskExecutionTime(task_id="a", run_at=NOON),
    "occurrence": Occurrence(
        task_id="a", group_id=None, callback="ring", run_at=NOON, attempt=1, lag=timedelta(microseconds=-1)
    ),
    "jittered occurrence": Occurrence(
        task_id="a",
        group_id="g",
        callback="ring",
        run_at=NOON,
        delayed=timedelta(seconds=2),
        attempt=3,
        lag=timedelta(0),
    ),
    "planned run": PlannedRun(run_at=NOON, local=NOON.astimezone(timezone(timedelta(hours=-7)))),
}


@pytest.mark.parametrize("struct", STRUCTS.values(), ids=STRUCTS)
def test_what_is_written_as_json_is_read_back_equal(struct: Struct) -> None:
    assert msgspec.json.decode(msgspec.json.encode(struct), type=type(struct)) == struct


def test_what_an_older_version_wrote_gets_defaults() -> None:
    task = msgspec.json.decode(b'{"callback": "ring", "task_id": "a", "run_at": "2030-01-02T12:00:00Z"}', type=Task)
    assert task == Task(callback="ring", task_id="a", run_at=datetime(2030, 1, 2, 12, tzinfo=UTC))


@pytest.mark.parametrize("struct", STRUCTS.values(), ids=STRUCTS)
def test_what_a_newer_version_adds_is_ignored(struct: Struct) -> None:
    newer = json.loads(msgspec.json.encode(struct)) | {"colour": "red", "more": {"callback": 5}}
    assert msgspec.json.decode(json.dumps(newer), type=type(struct)) == struct


def test_a_time_with_an_offset_is_read_as_utc() -> None:
    text = b'{"task_id": "a", "run_at": "2030-01-02T14:00:00.123456+02:00"}'
    moved = msgspec.json.decode(text, type=TaskExecutionTime)
    assert (moved.run_at, moved.run_at.tzinfo) == (NOON, UTC)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "callback missing": ({}, "callback"),
    "callback a number": ({"callback": 5}, "callback"),
    "callback empty": ({"callback": ""}, "callback"),
    "callback too long": ({"callback": "x" * 256}, "callback"),
    "task_id null": ({"callback": "ring", "task_id": None}, "task_id"),
    "group_id empty": ({"callback": "ring", "group_id": ""}, "group_id"),
    "run_at no time": ({"callback": "ring", "run_at": "tomorrow"}, "run_at"),
    "run_at null": ({"callback": "ring", "run_at": None}, "run_at"),
    "run_at a number": ({"callback": "ring", "run_at": 5}, "run_at"),
    "run_at after 9999": ({"callback": "ring", "run_at": "9999-12-31T23:59:59-01:00"}, "run_at"),
    "run_at naive and before 1": ({"callback": "ring", "run_at": "0001-01-01T00:00:00"}, "run_at"),
    "run_type unknown": ({"callback": "ring", "run_type": "daily"}, "run_type"),
    "interval missing": ({"callback": "ring", "run_type": "recurring"}, "interval"),
    "interval zero": ({"callback": "ring", "run_type": "recurring", "interval": "PT0S"}, "interval"),
    "interval a month": ({"callback": "ring", "run_type": "recurring", "interval": "P1M"}, "interval"),
    "interval of a one-off": ({"callback": "ring", "run_type": "once", "interval": "PT1S"}, "interval"),
    "cron of a one-off": ({"callback": "ring", "run_type": "once", "cron": "@daily"}, "cron"),
    "cron a number": ({"callback": "ring", "cron": 5}, "cron"),
    "cron unreadable": ({"callback": "ring", "cron": "daily"}, "cron"),
    "cron and interval": ({"callback": "ring", "cron": "@daily", "interval": "PT1S"}, "interval.*cron"),
    "timezone unknown": ({"callback": "ring", "cron": "@daily", "timezone": "Europe/Nowhere"}, "timezone"),
    "timezone without cron": ({"callback": "ring", "interval": "PT1S", "timezone": "UTC"}, "timezone"),
    "misfire_grace negative": ({"callback": "ring", "misfire_grace": "-PT1S"}, "misfire_grace"),
    "misfire_grace a month": ({"callback": "ring", "misfire_grace": "P1M"}, "misfire_grace"),
    "overlap unknown": ({"callback": "ring", "interval": "PT1S", "overlap": "drop"}, "overlap"),
    "overlap of a one-off": ({"callback": "ring", "overlap": "queue"}, "overlap"),
    "jitter negative": ({"callback": "ring", "jitter": "-PT1S"}, "jitter"),
    "end_at after 9999": ({"callback": "ring", "interval": "PT1S", "end_at": "9999-12-31T23:59:59-01:00"}, "end_at"),
    "max_runs zero": ({"callback": "ring", "interval": "PT1S", "max_runs": 0}, "max_runs"),
    "max_runs true": ({"callback": "ring", "interval": "PT1S", "max_runs": True}, "max_runs"),
    "fixed_delay of a one-off": ({"callback": "ring", "fixed_delay": True}, "fixed_delay"),
    "runs text": ({"callback": "ring", "runs": "1"}, "runs"),
    "jittered text": ({"callback": "ring", "delayed": "soon"}, "delayed"),
    "occurrence_of empty": ({"callback": "ring", "occurrence_of": ""}, "occurrence_of"),
    "kwargs a list": ({"callback": "ring", "kwargs": []}, "kwargs"),
    "paused a number": ({"callback": "ring", "paused": 1}, "paused"),
    "paused_at without paused": ({"callback": "ring", "paused_at": "2030-01-02T12:00:00Z"}, "paused_at"),
    "status unknown": ({"callback": "ring", "status": "asleep"}, "status"),
    "attempts text": ({"callback": "ring", "attempts": "1"}, "attempts"),
    "error a number": ({"callback": "ring", "error": 5}, "error"),
}


@pytest.mark.parametrize(("fields", "name"), INVALID.values(), ids=INVALID)
def test_json_that_is_no_task_is_refused_by_name(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.json.decode(json.dumps(fields), type=Task)


@pytest.mark.parametrize(
    "text",
    [b"[]", b"null", b"{}", b'{"task_id": "a"}', b'{"task_id": "", "run_at": "2030-01-02T12:00:00Z"}'],
    ids=bytes.decode,
)
def test_json_that_is_no_execution_time_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=TaskExecutionTime)
