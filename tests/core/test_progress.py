"""How far a task has come, and by how much its next run is put off."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskshed._body import Body
from taskshed._clock import from_micros, to_micros
from taskshed._progress import Progress, progress_of
from taskshed.schedules import Cron, Interval

SECOND = 1_000_000
AT, NOW = 1_000_000 * SECOND, 999_000 * SECOND
FAR = to_micros(datetime.max.replace(tzinfo=UTC))
JITTERED = Progress(runs=3, skipped=2, delay=5, delayed_to=AT + 5)

TEXTS: dict[str, tuple[Progress, str | None]] = {
    "new": (Progress(), None),
    "one run": (Progress(runs=1), '{"runs":1}'),
    "one skipped": (Progress(skipped=1), '{"skipped":1}'),
    "delayed": (Progress(delay=5, delayed_to=7), '{"delay":5,"delayed_to":7}'),
    "all": (Progress(runs=3, skipped=2, delay=5, delayed_to=7), '{"runs":3,"skipped":2,"delay":5,"delayed_to":7}'),
}


@pytest.mark.parametrize(("progress", "text"), TEXTS.values(), ids=TEXTS)
def test_progress_is_written_and_read_as(progress: Progress, text: str | None) -> None:
    assert progress.text() == text
    assert progress_of(text, 7) == progress


@pytest.mark.parametrize("text", [None, '{"colour":"red"}', "{}"], ids=["None", "of a newer version", "empty"])
def test_what_holds_nothing_known_is_no_history(text: str | None) -> None:
    assert progress_of(text, 0) == Progress()


@pytest.mark.parametrize("text", ["", "[]", "null", '{"runs":"1"}', '{"runs":1.5}', "{"], ids=repr)
def test_what_is_not_progress_cannot_be_read(text: str) -> None:
    with pytest.raises(Exception, match=r"."):
        progress_of(text, 0)


@pytest.mark.parametrize("moved_to", [AT, AT + 4, AT + 6, 0], ids=["to its occurrence", "back", "on", "far away"])
def test_jitter_is_void_once_the_task_was_moved(moved_to: int) -> None:
    text = JITTERED.text()
    assert progress_of(text, AT + 5) == JITTERED
    assert progress_of(text, moved_to) == Progress(runs=3, skipped=2)


def test_counting_adds_and_stands_at_an_occurrence_itself() -> None:
    assert JITTERED.counting(runs=1, skipped=4) == Progress(runs=4, skipped=6)
    assert JITTERED.counting() == Progress(runs=3, skipped=2)
    assert Progress(runs=3, skipped=2, delay=5, delayed_to=AT + 5) == JITTERED


def body(seconds: float | None, **fields: Any) -> Body:
    return Body("ring", jitter=None if seconds is None else timedelta(seconds=seconds), **fields)


EACH_MINUTE = Interval(timedelta(minutes=1))
HOURLY = Cron("@hourly")
HOUR_AT = 360_000 * 3600 * SECOND

BOUNDS: dict[str, tuple[Body, int, int, float, int]] = {
    # body, occurrence, now, chance, by how many microseconds its run is put off
    "no jitter": (body(None), AT, NOW, 1, 0),
    "jitter of nothing": (body(0), AT, NOW, 1, 0),
    "once, no chance": (body(10), AT, NOW, 0, 0),
    "once, half a chance": (body(10), AT, NOW, 0.5, 5 * SECOND),
    "once, all chance": (body(10), AT, NOW, 1, 10 * SECOND),
    "once, a microsecond before its time": (body(10), AT, AT - 1, 1, 10 * SECOND),
    "once, at its time": (body(10), AT, AT, 1, 0),
    "once, past": (body(10), AT, AT + 1, 1, 0),
    "interval": (body(10, schedule=EACH_MINUTE), AT, NOW, 1, 10 * SECOND),
    "interval, up to the next": (body(60, schedule=EACH_MINUTE), AT, NOW, 1, 60 * SECOND - 1),
    "interval, beyond the next": (body(3600, schedule=EACH_MINUTE), AT, NOW, 1, 60 * SECOND - 1),
    "interval, beyond the next by half": (body(100, schedule=EACH_MINUTE), AT, NOW, 0.5, 50 * SECOND),
    "interval, past": (body(10, schedule=EACH_MINUTE), AT, AT + 5, 1, 0),
    "interval of a microsecond": (body(10, schedule=Interval(timedelta.resolution)), AT, NOW, 1, 0),
    "cron": (body(10, schedule=HOURLY), HOUR_AT, NOW, 1, 10 * SECOND),
    "cron, beyond the next": (body(7200, schedule=HOURLY), HOUR_AT, NOW, 1, 3600 * SECOND - 1),
    "fixed delay, beyond the interval": (body(3600, schedule=EACH_MINUTE, fixed_delay=True), AT, NOW, 1, 3600 * SECOND),
    "up to its end": (body(10, schedule=EACH_MINUTE, end_at=from_micros(AT + 4 * SECOND)), AT, NOW, 1, 4 * SECOND),
    "its end is now": (body(10, schedule=EACH_MINUTE, end_at=from_micros(AT)), AT, NOW, 1, 0),
    "its end is far": (body(10, schedule=EACH_MINUTE, end_at=from_micros(FAR)), AT, NOW, 1, 10 * SECOND),
    "fixed delay, up to its end": (
        body(10, schedule=EACH_MINUTE, fixed_delay=True, end_at=from_micros(AT + 3)),
        AT,
        NOW,
        1,
        3,
    ),
    "the last of all": (body(0.000001, schedule=EACH_MINUTE), FAR - 1, NOW, 1, 1),
}


@pytest.mark.parametrize(("task", "at", "now", "chance", "delay"), BOUNDS.values(), ids=BOUNDS)
def test_a_run_is_put_off_by(task: Body, at: int, now: int, chance: float, delay: int) -> None:
    run_at, progress = Progress(runs=3, skipped=2).with_jitter(task, at, now, chance)
    assert run_at == at + delay
    assert progress == Progress(runs=3, skipped=2, delay=delay, delayed_to=at + delay if delay else 0)


def test_a_run_may_begin_in_the_last_microsecond_there_is_and_not_after_it() -> None:
    run_at, _ = Progress().with_jitter(body(10), FAR - 5 * SECOND, NOW, 1)
    from_micros(run_at)
