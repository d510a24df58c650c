"""Tasks and execution times: what is accepted, what is refused, and what it becomes."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from taskshed.models import Task, TaskExecutionTime

NOON = datetime(2030, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
NEW_YORK = "EST5EDT,M3.2.0,M11.1.0"
MINUTE = timedelta(minutes=1)

REFUSED: dict[str, tuple[dict[str, Any], type[Exception], list[str]]] = {
    "callback not text": ({"callback": 5}, TypeError, ["callback", "5"]),
    "callback empty": ({"callback": ""}, ValueError, ["callback", "empty"]),
    "callback too long": ({"callback": "x" * 256}, ValueError, ["callback", "256", "255"]),
    "callback a lone surrogate": ({"callback": "a\ud800"}, ValueError, ["callback", r"'a\ud800'"]),
    "task_id None": ({"task_id": None}, TypeError, ["task_id", "None"]),
    "task_id bytes": ({"task_id": b"a"}, TypeError, ["task_id", "b'a'"]),
    "task_id too long": ({"task_id": "x" * 256}, ValueError, ["task_id", "256"]),
    "task_id a lone surrogate": ({"task_id": "\udfff"}, ValueError, ["task_id", r"'\udfff'"]),
    "task_id with a NUL": ({"task_id": "a\0b"}, ValueError, ["task_id", "NUL", r"'a\x00b'"]),
    "group_id not text": ({"group_id": 7}, TypeError, ["group_id", "7"]),
    "group_id empty": ({"group_id": ""}, ValueError, ["group_id", "empty"]),
    "group_id too long": ({"group_id": "x" * 256}, ValueError, ["group_id", "256"]),
    "run_at a number": ({"run_at": 5}, TypeError, ["run_at", "5"]),
    "run_at None": ({"run_at": None}, TypeError, ["run_at", "None"]),
    "run_at a date": ({"run_at": date(2030, 1, 2)}, TypeError, ["run_at", "datetime.date(2030, 1, 2)"]),
    "run_type unknown": ({"run_type": "daily"}, ValueError, ["run_type", "'daily'"]),
    "run_type None": ({"run_type": None}, ValueError, ["run_type", "None"]),
    "recurring without interval": ({"run_type": "recurring"}, ValueError, ["recurring", "interval"]),
    "interval a number": ({"run_type": "recurring", "interval": 60}, TypeError, ["interval", "60"]),
    "interval zero": ({"run_type": "recurring", "interval": 0 * MINUTE}, ValueError, ["interval", "timedelta(0)"]),
    "interval negative": ({"run_type": "recurring", "interval": -MINUTE}, ValueError, ["interval", "days=-1"]),
    "paused a number": ({"paused": 1}, TypeError, ["paused", "1"]),
    "paused_at without paused": ({"paused_at": NOON}, ValueError, ["paused_at", "2030", "paused is False"]),
    "paused_at a number": ({"paused": True, "paused_at": 5}, TypeError, ["paused_at", "5"]),
    "coalesce text": ({"coalesce": "yes"}, TypeError, ["coalesce", "'yes'"]),
    "kwargs a list": ({"kwargs": [1]}, TypeError, ["kwargs", "[1]"]),
    "kwargs None": ({"kwargs": None}, TypeError, ["kwargs", "None"]),
    "kwargs with a key that is no name": ({"kwargs": {1: 2}}, TypeError, ["kwargs", "key 1"]),
    "status unknown": ({"status": "asleep"}, ValueError, ["status", "'asleep'"]),
    "attempts text": ({"attempts": "many"}, TypeError, ["attempts", "'many'"]),
    "error a number": ({"error": 5}, TypeError, ["error", "5"]),
    "runs text": ({"runs": "many"}, TypeError, ["runs", "'many'"]),
    "skipped None": ({"skipped": None}, TypeError, ["skipped", "None"]),
    "jittered a number": ({"delayed": 5}, TypeError, ["delayed", "5"]),
    "occurrence_of a number": ({"occurrence_of": 5}, TypeError, ["occurrence_of", "5"]),
    "occurrence_of empty": ({"occurrence_of": ""}, ValueError, ["occurrence_of", "empty"]),
}


@pytest.mark.parametrize(("fields", "kind", "words"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_by_name_and_value(
    fields: dict[str, Any], kind: type[Exception], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        Task(**{"callback": "ring"} | fields)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("field", ["callback", "task_id", "group_id"])
@pytest.mark.parametrize("name", ["x" * 255, "é" * 255, "😀" * 255, " ", "a\x01b", "'; --"], ids=ascii)
def test_any_text_of_up_to_255_characters_is_a_name(field: str, name: str) -> None:
    fields: dict[str, Any] = {"callback": "ring", field: name}
    assert getattr(Task(**fields), field) == name


IN_UTC: dict[str, tuple[str, datetime, datetime]] = {
    "naive in winter": (NEW_YORK, datetime(2030, 1, 2, 7, 0, 0, 1), datetime(2030, 1, 2, 12, 0, 0, 1)),
    "naive in summer": (NEW_YORK, datetime(2030, 7, 2, 8, 0, 0, 1), datetime(2030, 7, 2, 12, 0, 0, 1)),
    "in a fold, the first time": (NEW_YORK, datetime(2030, 11, 3, 1, 30), datetime(2030, 11, 3, 5, 30)),
    "in a fold, the second time": (NEW_YORK, datetime(2030, 11, 3, 1, 30, fold=1), datetime(2030, 11, 3, 6, 30)),
    "in a gap, which is never early": (NEW_YORK, datetime(2030, 3, 10, 2, 30), datetime(2030, 3, 10, 7, 30)),
    "before 1970": ("UTC0", datetime(1900, 1, 1, 0, 0, 0, 999999), datetime(1900, 1, 1, 0, 0, 0, 999999)),
    "near the end": ("UTC0", datetime(9999, 12, 30, 23, 59, 59, 999999), datetime(9999, 12, 30, 23, 59, 59, 999999)),
}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the local time zone cannot be set here")
@pytest.mark.parametrize(("zone", "naive", "expected"), IN_UTC.values(), ids=IN_UTC)
def test_a_naive_time_is_local_time(
    in_zone: Callable[[str], None], zone: str, naive: datetime, expected: datetime
) -> None:
    in_zone(zone)
    task = Task(callback="ring", run_at=naive, paused=True, paused_at=naive)
    moved = TaskExecutionTime(task_id="a", run_at=naive)
    assert task.run_at == task.paused_at == moved.run_at == expected.replace(tzinfo=UTC)
    assert task.run_at.tzinfo is UTC


@pytest.mark.parametrize("offset", [timedelta(hours=14), timedelta(hours=-12), timedelta(microseconds=-1)], ids=str)
def test_an_aware_time_becomes_utc_to_the_microsecond(offset: timedelta) -> None:
    task = Task(callback="ring", run_at=NOON.astimezone(timezone(offset)))
    assert (task.run_at, task.run_at.tzinfo, task.run_at.microsecond) == (NOON, UTC, 123456)


EAST, WEST = timezone(timedelta(hours=1)), timezone(timedelta(hours=-1))
OUT_OF_RANGE: dict[str, tuple[str, datetime]] = {
    "before year 1": ("UTC0", datetime.min.replace(tzinfo=EAST)),
    "after year 9999": ("UTC0", datetime.max.replace(tzinfo=WEST)),
    "naive, before year 1": ("EAST-9", datetime.min),
    "naive, east of UTC, after year 9999": ("EAST-9", datetime.max),
    "naive, west of UTC, after year 9999": ("WEST9", datetime.max),
}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the local time zone cannot be set here")
@pytest.mark.parametrize("field", ["run_at", "paused_at"])
@pytest.mark.parametrize(("zone", "moment"), OUT_OF_RANGE.values(), ids=OUT_OF_RANGE)
def test_a_time_that_utc_cannot_hold_is_refused_by_name(
    in_zone: Callable[[str], None], zone: str, moment: datetime, field: str
) -> None:
    in_zone(zone)
    fields: dict[str, Any] = {"callback": "ring", "paused": True, field: moment}
    with pytest.raises(ValueError, match=f"{field}.*out of range.*{moment.year}"):
        Task(**fields)


def test_a_task_keeps_its_own_copy_of_its_arguments() -> None:
    kwargs = {"a": 1}
    task = Task(callback="ring", kwargs=kwargs)
    kwargs["a"] = 2
    assert task.kwargs == {"a": 1}


def test_tasks_are_equal_by_value_and_cannot_be_changed() -> None:
    one, other = (Task(callback="ring", task_id="a", run_at=NOON) for _ in range(2))
    assert one == other
    assert one != msgspec.structs.replace(one, callback="sing")
    with pytest.raises(AttributeError):
        one.callback = "sing"  # type: ignore[misc]  # which is what is tried here
    with pytest.raises(TypeError):
        Task("ring")  # type: ignore[call-arg]  # fields are given by name


def test_a_paused_task_is_paused_since_now_unless_told() -> None:
    assert Task(callback="ring").paused_at is None
    before = datetime.now(UTC)
    assert before <= (Task(callback="ring", paused=True).paused_at or before - MINUTE) <= datetime.now(UTC)
    assert Task(callback="ring", paused=True, paused_at=NOON).paused_at == NOON


def test_a_task_shows_what_it_was_given_but_no_values_of_arguments() -> None:
    task = Task(
        callback="ring", task_id="t", run_at=datetime(2030, 1, 1, tzinfo=UTC), kwargs={"token": "s3cret", "n": 1}
    )
    run_at = "datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"
    shown = f"Task(callback='ring', run_at={run_at}, run_type='once', task_id='t', kwargs={{'token': …, 'n': …}})"
    assert repr(task) == shown
    assert repr(msgspec.structs.replace(task, kwargs={})) == shown.replace(", kwargs={'token': …, 'n': …}", "")
