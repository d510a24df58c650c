"""What users call: arguments, answers and errors of the scheduler, on both stores."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import taskshed
from taskshed.datastores import DataStore
from taskshed.schedulers import AsyncScheduler
from taskshed.workers import EventDrivenWorker

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)


async def greet(name: str = "") -> None: ...


def say_hello() -> None: ...


async def test_add_task_returns_what_is_stored(scheduler: AsyncScheduler) -> None:
    task = await scheduler.add_task("greet", TOMORROW, {"name": "Ada"}, "recurring", timedelta(hours=1), "id", "group")
    assert task == taskshed.Task(
        callback="greet",
        run_at=TOMORROW,
        kwargs={"name": "Ada"},
        run_type="recurring",
        interval=timedelta(hours=1),
        task_id="id",
        group_id="group",
    )
    assert await scheduler.fetch_tasks(task_ids=["id"]) == [task]
    assert await scheduler.fetch_tasks(group_id="group") == [task]


NIGHTLY: dict[str, Any] = {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
POLICIES: dict[str, dict[str, Any]] = {
    "cron": NIGHTLY | {"overlap": "allow", "max_runs": 3},
    "interval": {"interval": timedelta(hours=1), "fixed_delay": True, "end_at": TOMORROW, "coalesce": False},
    "once": {"misfire_grace": timedelta(seconds=1)},
}


@pytest.mark.parametrize("fields", POLICIES.values(), ids=POLICIES)
async def test_add_task_takes_each_policy(scheduler: AsyncScheduler, fields: dict[str, Any]) -> None:
    task = await scheduler.add_task("greet", TOMORROW, task_id="id", **fields)
    assert task == taskshed.Task(callback="greet", run_at=TOMORROW, task_id="id", **fields)
    assert await scheduler.fetch_tasks(task_ids=["id"]) == [task]


async def test_add_task_returns_by_how_much_it_was_put_off(scheduler: AsyncScheduler) -> None:
    task = await scheduler.add_task("greet", TOMORROW, task_id="id", jitter=timedelta(hours=1))
    assert task.run_at == TOMORROW
    assert timedelta(0) <= task.delayed <= timedelta(hours=1)
    assert await scheduler.fetch_tasks(task_ids=["id"]) == [task]


async def test_all_tasks_are_fetched_by_when_they_are_due(scheduler: AsyncScheduler) -> None:
    assert await scheduler.fetch_all_tasks() == []
    tasks = [await scheduler.add_task("greet", TOMORROW + n * timedelta(hours=1), group_id="g") for n in (2, 0, 1)]
    assert await scheduler.fetch_all_tasks() == [tasks[1], tasks[2], tasks[0]]


EVE = datetime(2030, 3, 30, 1, 30, tzinfo=UTC)  # of the day on which clocks in Berlin are set forward
PREVIEWS: dict[str, tuple[dict[str, Any], list[str]]] = {
    # fields, what clocks show
    "once": ({}, ["2030-03-30T01:30:00+00:00"]),
    "interval": ({"interval": timedelta(days=1)}, [f"2030-03-{day}T01:30:00+00:00" for day in (30, 31)]),
    "cron": (NIGHTLY, ["2030-03-30T02:30:00+01:00", "2030-03-31T03:00:00+02:00"]),
}


@pytest.mark.parametrize("stored", [False, True], ids=["by task", "by id"])
@pytest.mark.parametrize(("fields", "expected"), PREVIEWS.values(), ids=PREVIEWS)
async def test_a_preview_tells_the_next_runs_in_utc_and_as_clocks_show_them(
    scheduler: AsyncScheduler, fields: dict[str, Any], expected: list[str], stored: bool
) -> None:
    task = taskshed.Task(callback="greet", run_at=EVE, **fields)
    if stored:
        await scheduler.add_tasks([task])
    runs = await scheduler.preview(task.task_id if stored else task, 2)
    assert [run.local.isoformat() for run in runs] == expected
    assert [run.run_at for run in runs] == [run.local for run in runs] == task.next_runs(2)
    assert all(run.run_at.tzinfo is UTC for run in runs)


async def test_a_preview_of_what_does_not_exist_is_refused(scheduler: AsyncScheduler) -> None:
    with pytest.raises(taskshed.TaskNotFoundError, match="'nobody'"):
        await scheduler.preview("nobody")
    with pytest.raises(ValueError, match="n must be at least 1, not 0"):
        await scheduler.preview(taskshed.Task(callback="greet"), 0)


async def test_a_scheduler_tells_its_parts(datastore: DataStore) -> None:
    worker = EventDrivenWorker({"greet": greet}, datastore)
    assert [AsyncScheduler(datastore, one).worker for one in (None, worker)] == [None, worker]


async def test_a_naive_time_is_local_and_any_zone_is_kept_in_utc(scheduler: AsyncScheduler) -> None:
    local = datetime(2031, 7, 1, 12, 30, 0, 123456)
    berlin = datetime(2031, 7, 1, 12, 30, 0, 123456, tzinfo=ZoneInfo("Europe/Berlin"))
    first = await scheduler.add_task("greet", local)
    second = await scheduler.add_task("greet", berlin)
    assert first.run_at == local.astimezone(UTC)
    assert second.run_at.isoformat() == "2031-07-01T10:30:00.123456+00:00"
    assert await scheduler.fetch_tasks(task_ids=[first.task_id, second.task_id]) == [first, second]


async def test_ids_that_are_made_sort_by_time(scheduler: AsyncScheduler) -> None:
    ids = [(await scheduler.add_task("greet", TOMORROW)).task_id for _ in range(20)]
    assert ids == sorted(ids)


async def test_replacing_and_leaving_what_exists(scheduler: AsyncScheduler) -> None:
    first = await scheduler.add_task("greet", TOMORROW, {"name": "first"}, task_id="id")
    left = await scheduler.add_task("greet", TOMORROW, {"name": "second"}, task_id="id", replace_existing=False)
    assert left == first
    replaced = await scheduler.add_task("greet", TOMORROW, {"name": "third"}, task_id="id")
    assert await scheduler.fetch_tasks(task_ids=["id"]) == [replaced]


BAD_ADDS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"callback": ""}, ValueError, "callback must not be empty"),
    ({"callback": None}, TypeError, "callback must be a str, not None"),
    ({"callback": "c" * 256}, ValueError, "callback has 256 characters"),
    ({"task_id": ""}, ValueError, "task_id must not be empty"),
    ({"task_id": 7}, TypeError, "task_id must be a str, not 7"),
    ({"task_id": "i" * 256}, ValueError, "task_id has 256 characters"),
    ({"group_id": ""}, ValueError, "group_id must not be empty"),
    ({"group_id": "g" * 256}, ValueError, "group_id has 256 characters"),
    ({"run_at": "noon"}, TypeError, "run_at must be a datetime, not 'noon'"),
    ({"run_type": "daily"}, ValueError, "run_type must be 'once' or 'recurring', not 'daily'"),
    ({"run_type": "recurring"}, ValueError, "a recurring task needs an interval"),
    ({"run_type": "once", "interval": timedelta(1)}, ValueError, "run_type='once'"),
    ({"cron": "@daily", "interval": timedelta(1)}, ValueError, "interval=.* and cron='@daily' were both given"),
    (
        {"cron": "@daily", "end_at": datetime(2020, 1, 1, tzinfo=UTC)},
        ValueError,
        "run_at .* is after end_at 2020-01-01",
    ),
    (
        {"interval": timedelta(1), "overlap": "drop"},
        ValueError,
        "overlap must be 'skip', 'queue' or 'allow', not 'drop'",
    ),
    ({"colour": "red"}, TypeError, "colour"),
    ({"status": "failed"}, TypeError, "status"),
    ({"runs": 3}, TypeError, "runs"),
    ({"occurrence_of": "a"}, TypeError, "occurrence_of"),
    ({"run_type": "recurring", "interval": timedelta(0)}, ValueError, "interval must be positive"),
    ({"run_type": "recurring", "interval": -timedelta(1)}, ValueError, "interval must be positive"),
    ({"run_type": "recurring", "interval": 60}, TypeError, "interval must be a timedelta, not 60"),
    ({"paused": "yes"}, TypeError, "paused must be True or False, not 'yes'"),
    ({"coalesce": None}, TypeError, "coalesce must be True or False, not None"),
    ({"kwargs": ["name"]}, TypeError, "kwargs must map"),
    ({"kwargs": {1: "one"}}, TypeError, "kwargs has the key 1"),
    ({"kwargs": {"a": [{"b": object()}]}}, TypeError, r"kwargs\['a'\]\[0\]\['b'\] cannot be written as JSON"),
    ({"kwargs": {"a": {"b": float("nan")}}}, ValueError, r"kwargs\['a'\]\['b'\] is nan"),
    ({"kwargs": {"a": "x" * 2**20}}, ValueError, "kwargs takes 1,048,584 bytes as JSON, at most 1,048,576 are allowed"),
    ({"retry": 3}, TypeError, "retry must be a RetryPolicy"),
    ({"timeout": timedelta(0)}, ValueError, "timeout must be more than nothing"),
]


@pytest.mark.parametrize(("arguments", "kind", "message"), BAD_ADDS, ids=[message for _, _, message in BAD_ADDS])
async def test_a_bad_task_is_refused_and_nothing_is_stored(
    scheduler: AsyncScheduler, arguments: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        await scheduler.add_task(**{"callback": "greet", "task_id": "id", **arguments})
    assert await scheduler.fetch_tasks(task_ids=["id"]) == []


async def test_add_tasks_is_all_or_nothing(scheduler: AsyncScheduler) -> None:
    good = taskshed.Task(callback="greet", task_id="good")
    bad = taskshed.Task(callback="greet", task_id="bad", kwargs={"deep": [object()]})
    with pytest.raises(TypeError, match=r"kwargs\['deep'\]\[0\]"):
        await scheduler.add_tasks([good, bad])
    with pytest.raises(TypeError, match="tasks must be Task objects"):
        await scheduler.add_tasks([good, "bad"])  # type: ignore[list-item]  # the point of the test
    assert await scheduler.fetch_tasks(task_ids=["good", "bad"]) == []


async def test_a_callback_that_the_worker_does_not_know_is_refused_at_once(datastore: DataStore) -> None:
    async with taskshed.open_scheduler(datastore, callback_map={"greet": greet}) as scheduler:
        with pytest.raises(taskshed.IncorrectCallbackNameError, match="'great'; known are: 'greet'"):
            await scheduler.add_task("great", TOMORROW, task_id="id")
        with pytest.raises(taskshed.IncorrectCallbackNameError):
            await scheduler.add_tasks(taskshed.Task(callback=name, task_id=name) for name in ("greet", "great"))
        assert await scheduler.fetch_tasks(task_ids=["id", "greet", "great"]) == []
        scheduler.add_callback("great", greet)
        await scheduler.add_task("great", TOMORROW)
        with pytest.raises(ValueError, match="'great' is taken"):
            scheduler.add_callback("great", greet)


async def test_callbacks_that_are_no_coroutine_functions_are_refused(datastore: DataStore) -> None:
    with pytest.raises(TypeError, match="wrap it in one, for example: async def"):
        EventDrivenWorker({"hello": say_hello}, datastore)  # type: ignore[dict-item]  # the point of the test
    async with AsyncScheduler(datastore) as scheduler:
        with pytest.raises(RuntimeError, match="no worker"):
            scheduler.add_callback("greet", greet)


async def test_calls_outside_the_lifetime_say_what_to_do(datastore: DataStore) -> None:
    scheduler = AsyncScheduler(datastore)
    for _ in range(2):
        with pytest.raises(taskshed.NotRunningError, match=r"start\(\) it or use it in 'async with'"):
            await scheduler.add_task("greet")
        async with scheduler:
            await scheduler.add_task("greet", TOMORROW)


async def test_update_execution_times_takes_tasks_too(scheduler: AsyncScheduler) -> None:
    task = await scheduler.add_task("greet", TOMORROW, task_id="id")
    await scheduler.update_execution_times(tasks=[taskshed.Task(callback="any", task_id="id", run_at=datetime.max)])
    (moved,) = await scheduler.fetch_tasks(task_ids=["id"])
    assert moved.run_at > task.run_at
    with pytest.raises(TypeError, match="TaskExecutionTime"):
        await scheduler.update_execution_times(tasks=["id"])  # type: ignore[list-item]  # the point of the test
