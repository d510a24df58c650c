"""Which tasks a call is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import taskshed
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)
SELECTING = ["fetch_tasks", "pause_tasks", "resume_tasks", "remove_tasks", "retry_tasks", "cancel_tasks"]
BAD_SELECTORS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({}, ValueError, "exactly one of task_ids and group_id, not neither"),
    ({"task_ids": ["a"], "group_id": "g"}, ValueError, "exactly one of task_ids and group_id, not both"),
    ({"task_ids": [], "group_id": "g"}, ValueError, "not both"),
    ({"task_ids": "abc"}, TypeError, r"task_ids=\['abc'\]"),
    ({"task_ids": [1]}, TypeError, "task_id must be a str, not 1"),
    ({"group_id": ""}, ValueError, "group_id must not be empty"),
    ({"group_id": 5}, TypeError, "group_id must be a str, not 5"),
]


@pytest.mark.parametrize("method", SELECTING)
@pytest.mark.parametrize(("selectors", "kind", "message"), BAD_SELECTORS, ids=[text for _, _, text in BAD_SELECTORS])
async def test_bad_selectors_are_refused(
    scheduler: AsyncScheduler, method: str, selectors: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        await getattr(scheduler, method)(**selectors)


BAD_STATUSES: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("fetch_tasks", {"status": "running"}, ValueError, "status can be 'failed', .*, not 'running'"),
    ("retry_tasks", {"status": "failed", "group_id": "g"}, ValueError, "exactly one of task_ids, group_id and status"),
    ("remove_tasks", {"status": "failed", "task_ids": []}, ValueError, "exactly one of task_ids, group_id and status"),
    ("remove_tasks", {"group_id": "g", "older_than": timedelta(1)}, ValueError, "without status='failed'"),
    ("remove_tasks", {"status": "failed", "older_than": 5}, TypeError, "older_than must be a timedelta, not 5"),
    ("remove_tasks", {"status": "failed", "older_than": -timedelta(1)}, ValueError, "older_than must not be negative"),
]


@pytest.mark.parametrize(("method", "selectors", "kind", "message"), BAD_STATUSES)
async def test_a_bad_status_is_refused(
    scheduler: AsyncScheduler, method: str, selectors: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        await getattr(scheduler, method)(**selectors)


@pytest.mark.parametrize("method", SELECTING)
@pytest.mark.parametrize("selectors", [{"task_ids": []}, {"task_ids": iter(())}, {"group_id": "nobody"}])
async def test_an_empty_selection_is_fine(scheduler: AsyncScheduler, method: str, selectors: dict[str, Any]) -> None:
    assert not await getattr(scheduler, method)(**selectors)


async def test_unknown_ids_are_named_and_the_others_changed(scheduler: AsyncScheduler) -> None:
    await scheduler.add_task("greet", TOMORROW, task_id="known")
    with pytest.raises(taskshed.TaskNotFoundError, match="'x', 'y'") as caught:
        await scheduler.pause_tasks(task_ids=["x", "known", "y"])
    assert caught.value.task_ids == ("x", "y")
    (task,) = await scheduler.fetch_tasks(task_ids=["x", "known"])
    assert task.paused
    with pytest.raises(taskshed.TaskNotFoundError):
        await scheduler.resume_tasks(task_ids=["known", "x"])
    later = TOMORROW + timedelta(days=1)
    with pytest.raises(taskshed.TaskNotFoundError):
        await scheduler.update_execution_times(
            tasks=[taskshed.TaskExecutionTime(task_id=task_id, run_at=later) for task_id in ("x", "known")]
        )
    (task,) = await scheduler.fetch_tasks(task_ids=["known"])
    assert (task.paused, task.run_at) == (False, later)
    await scheduler.remove_tasks(task_ids=["x", "known"])
    assert await scheduler.fetch_tasks(task_ids=["known"]) == []


async def test_groups_are_paused_resumed_and_removed_whole(scheduler: AsyncScheduler) -> None:
    for n in range(3):
        await scheduler.add_task("greet", TOMORROW, task_id=f"in-{n}", group_id="g")
    await scheduler.add_task("greet", TOMORROW, task_id="out")
    await scheduler.pause_tasks(group_id="g")
    assert all(task.paused and task.paused_at is not None for task in await scheduler.fetch_tasks(group_id="g"))
    await scheduler.resume_tasks(group_id="g")
    assert not any(task.paused or task.paused_at for task in await scheduler.fetch_tasks(group_id="g"))
    await scheduler.remove_tasks(group_id="g")
    assert await scheduler.fetch_tasks(group_id="g") == []
    assert len(await scheduler.fetch_tasks(task_ids=["out"])) == 1
    await scheduler.remove_all_tasks()
    assert await scheduler.fetch_tasks(task_ids=["out"]) == []
