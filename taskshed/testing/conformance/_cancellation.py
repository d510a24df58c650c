"""Calls whose caller was cancelled: each has happened wholly or not at all, and no claim is lost.

The callers are cancelled after a number of steps of the event loop, so that it strikes before, while and after the
command is carried out. Trio shuffles the tasks of a step, so each number is tried several times.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Everything, Remove
from taskshed.testing.conformance._builders import add, claim, due_task, fetch_only, ids, later_task

ROUNDS = 10

_after_each_number_of_steps = pytest.mark.parametrize("steps", range(8))


async def _cancelled_after(steps: int, call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async with anyio.create_task_group() as callers:
        callers.start_soon(call)
        for _ in range(steps):
            await checkpoint()
        callers.cancel_scope.cancel()


class CancellationConformance:
    @_after_each_number_of_steps
    async def test_a_claim_whose_caller_was_cancelled_is_given_back(self, datastore: DataStore, steps: int) -> None:
        received: list[str] = []

        async def call() -> None:
            received.extend(ids(await claim(datastore)))

        for number in range(ROUNDS):
            name = f"task {number}"
            await add(datastore, due_task(name))
            received.clear()
            await _cancelled_after(steps, call)
            # Either the caller has it, or the next one gets it.
            assert received + ids(await claim(datastore)) == [name]

    @_after_each_number_of_steps
    async def test_a_claim_whose_caller_was_cancelled_is_no_attempt(self, datastore: DataStore, steps: int) -> None:
        async def call() -> None:
            # The next claim may take only what this one never had.
            if await claim(datastore):
                await datastore.ask(Remove(Everything()))

        for number in range(ROUNDS):
            name = f"task {number}"
            await add(datastore, due_task(name))
            await _cancelled_after(steps, call)
            for record in await claim(datastore):
                assert record.attempts == 1
            await datastore.ask(Remove(ById((name,))))

    @_after_each_number_of_steps
    async def test_an_add_whose_caller_was_cancelled_happens_wholly_or_not(
        self, datastore: DataStore, steps: int
    ) -> None:
        async def call() -> None:
            await add(datastore, later_task("a"), later_task("b"), later_task("c"))

        for _ in range(ROUNDS):
            await _cancelled_after(steps, call)
            await add(datastore, later_task("d"))
            assert sorted(ids(await datastore.fetch(Everything()))) in (["d"], ["a", "b", "c", "d"])
            await datastore.ask(Remove(Everything()))

    @_after_each_number_of_steps
    async def test_a_cancelled_caller_does_not_disturb_the_others(self, datastore: DataStore, steps: int) -> None:
        async def call() -> None:
            await add(datastore, later_task("cancelled"))

        async with anyio.create_task_group() as others:
            for number in range(ROUNDS):
                others.start_soon(add, datastore, later_task(f"{number}"))
            await _cancelled_after(steps, call)
        for number in range(ROUNDS):
            assert await fetch_only(datastore, f"{number}") == later_task(f"{number}")
