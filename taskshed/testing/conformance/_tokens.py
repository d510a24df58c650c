"""Tokens: each claim of a task has a greater one than any before, whatever happened in between."""

from typing import Any

import pytest

from taskshed._records import freeze
from taskshed.datastores import DataStore
from taskshed.datastores.commands import Add, ById, Claim, Command, Move, Remove, Settle
from taskshed.testing.conformance._builders import (
    HOUR,
    PAST_MICROS,
    add,
    claim_only,
    due_task,
    fetch_only,
    ids,
    settle,
    settlement,
)

_after_each_change = pytest.mark.parametrize(
    "change",
    [
        (Remove(ById(("a",))), Add((freeze(due_task("a")),))),
        (Add((freeze(due_task("a")),)),),
        (Move({"a": PAST_MICROS}),),
    ],
    ids=["removed and added", "replaced", "moved"],
)


class TokensConformance:
    async def test_each_claim_of_a_task_has_a_greater_token(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        tokens = [(await claim_only(datastore, "a", lease=0)).token for _ in range(5)]
        assert tokens == sorted(set(tokens))

    async def test_the_token_after_a_settlement_is_greater(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a")
        await settle(datastore, settlement(first, "released"))
        assert (await claim_only(datastore, "a")).token > first.token

    @_after_each_change
    async def test_the_token_after_a_change_is_greater(
        self, datastore: DataStore, change: tuple[Command[Any], ...]
    ) -> None:
        await add(datastore, due_task("a"))
        tokens = []
        for _ in range(3):
            tokens += [(await claim_only(datastore, "a", lease=0)).token for _ in range(3)]
            await datastore.ask_all(change)
        assert tokens == sorted(set(tokens))

    @_after_each_change
    async def test_the_token_after_a_change_in_the_same_transaction_is_greater(
        self, datastore: DataStore, change: tuple[Command[Any], ...]
    ) -> None:
        # As happens when the calls of several schedulers and workers are merged.
        await add(datastore, due_task("a"))
        before, *_, after = await datastore.ask_all((Claim(1, HOUR), *change, Claim(1, HOUR)))
        assert ids(after.records) == ["a"]
        assert after.records[0].token > before.records[0].token
        await datastore.ask(Settle((settlement(before.records[0], "done"),)))
        assert (await fetch_only(datastore, "a")).status == "running"
