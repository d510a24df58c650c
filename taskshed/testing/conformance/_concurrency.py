"""Calls at the same time, which a datastore merges: each is answered as if it had been alone."""

from collections import Counter

import anyio

from taskshed.datastores import DataStore
from taskshed.datastores.commands import ById, Changed, Claim, Everything, InGroup, Move, Pause, Remove, Resume, Settle
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST_MICROS,
    add,
    claim,
    claim_only,
    due_task,
    fetch_only,
    ids,
    later_task,
    settle,
    settlement,
)

CALLERS = 50


class ConcurrencyConformance:
    async def test_many_add_at_once(self, datastore: DataStore) -> None:
        async with anyio.create_task_group() as callers:
            for number in range(CALLERS):
                callers.start_soon(add, datastore, later_task(f"{number:02}"))
        assert sorted(ids(await datastore.fetch(Everything()))) == [f"{number:02}" for number in range(CALLERS)]

    async def test_of_many_who_add_one_id_without_replace_one_wins(self, datastore: DataStore) -> None:
        winners = []

        async def call(number: int) -> None:
            if not (await add(datastore, later_task("a", kwargs={"number": number}), replace=False)).kept:
                winners.append(number)

        async with anyio.create_task_group() as callers:
            for number in range(CALLERS):
                callers.start_soon(call, number)
        assert len(winners) == 1
        assert (await fetch_only(datastore, "a")).kwargs == {"number": winners[0]}

    async def test_each_caller_gets_its_own_answer(self, datastore: DataStore) -> None:
        answers = {}

        async def call(number: int) -> None:
            answers[number] = await datastore.ask(Move({f"{number}": FUTURE_MICROS + number}))

        await add(datastore, *(due_task(f"{number}") for number in range(0, CALLERS, 2)))
        async with anyio.create_task_group() as callers:
            for number in range(CALLERS):
                callers.start_soon(call, number)
        assert answers == {
            number: Changed(missing=(f"{number}",)) if number % 2 else Changed(earliest=FUTURE_MICROS + number)
            for number in range(CALLERS)
        }

    async def test_each_caller_sees_its_own_write(self, datastore: DataStore) -> None:
        async def call(number: int) -> None:
            task = later_task(f"{number}", kwargs={"number": number})
            await add(datastore, task)
            assert await fetch_only(datastore, f"{number}") == task
            await datastore.ask(Remove(ById((f"{number}",))))
            assert await datastore.fetch(ById((f"{number}",))) == []

        async with anyio.create_task_group() as callers:
            for number in range(CALLERS):
                callers.start_soon(call, number)
        assert await datastore.fetch(Everything()) == []

    async def test_many_claimers_never_get_the_same_occurrence(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(f"{number}") for number in range(100)))
        claimed: Counter[str] = Counter()

        async def work() -> None:
            while records := await claim(datastore, limit=3):
                claimed.update(ids(records))

        async with anyio.create_task_group() as claimers:
            for _ in range(20):
                claimers.start_soon(work)
        assert claimed == Counter(f"{number}" for number in range(100))

    async def test_many_workers_run_each_occurrence_once(self, datastore: DataStore) -> None:
        await add(datastore, *(due_task(f"{number}") for number in range(60)))
        runs: Counter[tuple[str, int]] = Counter()

        async def work() -> None:
            while records := await claim(datastore, limit=4):
                runs.update((record.task_id, record.run_at) for record in records)
                following = [settlement(record, "next", run_at=record.run_at + 1) for record in records]
                ended = [
                    settlement(record, "done") if record.run_at > PAST_MICROS else moved
                    for record, moved in zip(records, following, strict=True)
                ]
                assert await settle(datastore, *ended) == ()

        async with anyio.create_task_group() as workers:
            for _ in range(10):
                workers.start_soon(work)
        assert runs == Counter((f"{number}", PAST_MICROS + step) for number in range(60) for step in (0, 1))
        assert await datastore.fetch(Everything()) == []

    async def test_commands_of_one_transaction_are_carried_out_in_order(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a", group_id="g"))
        answers = await datastore.ask_all(
            (
                Pause(InGroup("g")),
                Claim(1, HOUR),
                Resume(InGroup("g")),
                Claim(1, HOUR),
                Remove(InGroup("g")),
                Claim(1, 0),
            )
        )
        assert [ids(answer.records) for answer in answers[1::2]] == [[], ["a"], []]
        assert answers[2] == Changed(earliest=PAST_MICROS)
        assert await datastore.fetch(Everything()) == []

    async def test_a_claim_can_be_settled_and_taken_again_in_one_transaction(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        first = await claim_only(datastore, "a")
        stale, claimed = await datastore.ask_all((Settle((settlement(first, "released"),)), Claim(1, HOUR)))
        assert stale == ()
        assert ids(claimed.records) == ["a"]

    async def test_no_commands_have_no_answers(self, datastore: DataStore) -> None:
        await add(datastore, due_task("a"))
        assert await datastore.ask_all(()) == []
