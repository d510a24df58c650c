"""Overlap: what becomes of an occurrence that comes while a run is still going, with two workers on the tasks.

The runs end when a test lets them. That time passes meanwhile a test sees by a one-off that was due later: it has
run, so whoever looked for that has found everything that was due before.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import anyio
import msgspec
import pytest

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything, Remove
from taskshed.models import Task
from taskshed.testing.conformance._builders import add, failure_of, fetch_only
from taskshed.testing.conformance._workers import present, work_off
from taskshed.workers import Callback, EventDrivenWorker, Worker, current_occurrence

BEAT, MINUTE, HOUR = timedelta(milliseconds=20), timedelta(minutes=1), timedelta(hours=1)
BEATS = 5

ENDS = {"skip": ("skip", True, 1), "queue, each": ("queue", False, 4), "allow, each": ("allow", False, 4)}

_each_coalesce = pytest.mark.parametrize("coalesce", [True, False], ids=["one run", "each"])
_each_overlap = pytest.mark.parametrize("overlap", ["skip", "queue", "allow"])


class Runs:
    """A callback whose runs stay inside until they are let out."""

    def __init__(self) -> None:
        self.begun: list[datetime] = []
        self.inside = 0
        self.most = 0
        self.ended = 0
        self.passed = anyio.Event()
        self._gate = anyio.Event()
        self._changed = anyio.Event()

    async def __call__(self) -> None:
        assert current_occurrence().task_id == "beat"
        self.begun.append(current_occurrence().run_at)
        self.inside += 1
        self.most = max(self.most, self.inside)
        self._changed.set()
        try:
            await self._gate.wait()
            self.ended += 1
        finally:
            self.inside -= 1

    async def pass_by(self) -> None:
        """Another callback: some time has passed."""
        self.passed.set()

    def let_out(self) -> None:
        """Let those end that are inside now."""
        self._gate.set()
        self._gate = anyio.Event()

    def let_all_out(self) -> None:
        """Let all end, also those to come."""
        self._gate.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a run begins that makes a condition true."""
        while not condition():
            self._changed = anyio.Event()
            await self._changed.wait()


class Scene:
    """A task that recurs with every beat, and two workers."""

    def __init__(self, datastore: DataStore, workers: tuple[Worker, Worker], runs: Runs) -> None:
        self.runs = runs
        self._datastore = datastore
        self._workers = workers

    async def begun(self, count: int) -> list[datetime]:
        """The occurrences that have begun, as soon as there are so many."""
        await self.runs.until(lambda: len(self.runs.begun) >= count)
        return list(self.runs.begun)

    async def beats_pass(self) -> None:
        """Let some beats pass, and everything begin that may begin with them."""
        for _ in range(2):  # what was found together with the first begins before the second is looked for
            self.runs.passed = anyio.Event()
            await add(self._datastore, Task(callback="pass", run_at=await present(self._datastore) + BEATS * BEAT))
            await self.runs.passed.wait()

    async def remove(self) -> None:
        """Remove the task; its runs go on."""
        await self._datastore.ask(Remove(ById(("beat",))))

    async def end(self) -> None:
        """Let everything end; nothing should be left then."""
        await self.remove()
        self.runs.let_all_out()
        await self.work_off()
        assert await self._datastore.fetch(Everything()) == []
        assert self.runs.inside == 0

    async def work_off(self) -> None:
        """Return when nobody has anything left to do."""
        await work_off(self._datastore, *self._workers)


def _beats(begun: list[datetime]) -> list[float]:
    """How many beats after the first each was."""
    return [(at - begun[0]) / BEAT for at in begun]


@asynccontextmanager
async def _a_scene(datastore: DataStore, other: DataStore, **fields: Any) -> AsyncIterator[Scene]:
    runs = Runs()
    values: dict[str, Any] = {"interval": BEAT, "run_at": await present(datastore)} | fields
    await add(datastore, Task(callback="ring", task_id="beat", **values))
    with anyio.fail_after(20):
        callbacks: dict[str, Callback] = {"ring": runs, "pass": runs.pass_by}
        async with EventDrivenWorker(callbacks, datastore) as one, EventDrivenWorker(callbacks, other) as two:
            try:
                yield Scene(datastore, (one, two), runs)
            finally:
                runs.let_all_out()


class OverlapConformance:
    @pytest.fixture
    def other_datastore(self, datastore: DataStore) -> DataStore:
        """What the second worker works on: the same tasks, by another way if there is one."""
        return datastore

    async def test_skip_passes_over_what_comes_during_a_run(
        self, datastore: DataStore, other_datastore: DataStore
    ) -> None:
        async with _a_scene(datastore, other_datastore, overlap="skip") as scene:
            await scene.begun(1)
            await scene.beats_pass()
            assert len(scene.runs.begun) == 1
            scene.runs.let_out()
            _, second = _beats(await scene.begun(2))
            task = await fetch_only(datastore, "beat")
            assert (task.status, task.runs) == ("running", 1)
            assert BEATS <= task.skipped < second
            assert second.is_integer()
            await scene.end()
            assert scene.runs.most == 1

    async def test_queue_runs_the_last_that_came_right_after(
        self, datastore: DataStore, other_datastore: DataStore
    ) -> None:
        async with _a_scene(datastore, other_datastore, overlap="queue") as scene:
            await scene.begun(1)
            await scene.beats_pass()
            assert len(scene.runs.begun) == 1
            scene.runs.let_out()
            _, second = _beats(await scene.begun(2))
            task = await fetch_only(datastore, "beat")
            assert (task.status, task.runs, task.skipped) == ("running", 1, 0)
            assert second >= BEATS
            assert second.is_integer()
            await scene.end()
            assert scene.runs.most == 1

    async def test_queue_runs_each_that_came_right_after(
        self, datastore: DataStore, other_datastore: DataStore
    ) -> None:
        async with _a_scene(datastore, other_datastore, overlap="queue", coalesce=False) as scene:
            await scene.begun(1)
            await scene.beats_pass()
            for count in range(1, 6):
                assert _beats(await scene.begun(count)) == list(range(count))
                assert (await fetch_only(datastore, "beat")).runs == count - 1
                scene.runs.let_out()
            await scene.begun(6)
            task = await fetch_only(datastore, "beat")
            assert (task.status, task.runs, task.skipped) == ("running", 5, 0)
            await scene.end()
            assert scene.runs.most == 1

    @_each_coalesce
    async def test_allow_runs_each_beside_the_others(
        self, datastore: DataStore, other_datastore: DataStore, coalesce: bool
    ) -> None:
        async with _a_scene(datastore, other_datastore, overlap="allow", coalesce=coalesce, group_id="g") as scene:
            await scene.runs.until(lambda: scene.runs.inside >= 3)
            tasks = {task.task_id: task for task in await datastore.fetch(Everything())}
            beat = tasks.pop("beat")
            assert (beat.occurrence_of, beat.skipped, beat.runs >= 3) == (None, 0, True)
            assert {(task.run_type, task.occurrence_of, task.group_id) for task in tasks.values()} == {
                ("once", "beat", "g")
            }
            assert [task.status for task in tasks.values()].count("running") >= 3
            await scene.end()
            beats = _beats(sorted(scene.runs.begun))
            assert Counter(beats).most_common(1)[0][1] == 1
            assert all(beat.is_integer() for beat in beats)
            if not coalesce:
                assert beats == list(range(len(beats)))

    @_each_overlap
    async def test_runs_that_have_begun_end_though_their_task_was_removed(
        self, datastore: DataStore, other_datastore: DataStore, overlap: str
    ) -> None:
        async with _a_scene(datastore, other_datastore, overlap=overlap) as scene:
            await scene.begun(3 if overlap == "allow" else 1)
            await scene.remove()
            await scene.beats_pass()
            begun = len(scene.runs.begun)
            assert scene.runs.inside == begun
            scene.runs.let_out()
            await scene.work_off()
            assert (scene.runs.ended, len(scene.runs.begun)) == (begun, begun)
            assert await datastore.fetch(Everything()) == []

    @pytest.mark.parametrize(("overlap", "coalesce", "count"), ENDS.values(), ids=ENDS)
    async def test_what_came_before_the_end_while_a_run_went_on(
        self, datastore: DataStore, other_datastore: DataStore, overlap: str, coalesce: bool, count: int
    ) -> None:
        start = await present(datastore)
        fields = {"run_at": start, "end_at": start + 3 * BEAT, "overlap": overlap, "coalesce": coalesce}
        async with _a_scene(datastore, other_datastore, **fields) as scene:
            await scene.begun(1)
            await scene.beats_pass()
            scene.runs.let_all_out()
            await scene.work_off()
            assert len(scene.runs.begun) == count
            assert await datastore.fetch(Everything()) == []

    @pytest.mark.parametrize(("coalesce", "count"), [(True, 1), (False, 3)], ids=["one run", "each"])
    async def test_what_fails_beside_others_is_noted_with_their_task(
        self, datastore: DataStore, other_datastore: DataStore, coalesce: bool, count: int
    ) -> None:
        failed = []

        async def fail() -> None:
            failed.append(current_occurrence().run_at)
            raise ValueError("no bell")

        due = await present(datastore) - 2 * HOUR - 20 * MINUTE
        task = Task(callback="ring", task_id="beat", run_at=due, interval=HOUR, overlap="allow", coalesce=coalesce)
        await add(datastore, task)
        with anyio.fail_after(20):
            one, other = (EventDrivenWorker({"ring": fail}, store) for store in (datastore, other_datastore))
            async with one, other:
                await work_off(datastore, one, other)
        (left,) = await datastore.fetch(Everything())
        assert left == msgspec.structs.replace(task, run_at=due + 3 * HOUR, runs=count, **failure_of(left))
        assert left.error == "callback 'ring': ValueError: no bell"
        assert sorted(failed) == [due + n * HOUR for n in range(3)][-count:]

    async def test_runs_beside_others_are_taken_over_from_a_worker_that_stops(
        self, datastore: DataStore, other_datastore: DataStore
    ) -> None:
        runs = Runs()
        callbacks: dict[str, Callback] = {"ring": runs}
        due = await present(datastore) - 2 * HOUR - 20 * MINUTE
        values: dict[str, Any] = {"interval": HOUR, "run_at": due, "overlap": "allow", "coalesce": False}
        await add(datastore, Task(callback="ring", task_id="beat", **values))
        with anyio.fail_after(20):
            async with EventDrivenWorker(callbacks, datastore, shutdown_timeout=timedelta(0)):
                await runs.until(lambda: runs.inside == 3)
            assert (runs.inside, runs.ended) == (0, 0)
            async with EventDrivenWorker(callbacks, other_datastore) as other:
                await runs.until(lambda: runs.inside == 3)
                runs.let_out()
                await other.work_off()
        assert Counter(runs.begun) == Counter([due, due + HOUR, due + 2 * HOUR] * 2)
        assert runs.ended == 3
        assert [task.runs for task in await datastore.fetch(Everything())] == [3]
