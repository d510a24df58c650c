"""Whatever Redis answers of its tasks: it is read, as a task or as one that is spoilt."""

from random import Random
from typing import Any

from fuzzing.campaign import Campaign
from fuzzing.mutating import NUMBERS, WORDS, Mutator
from fuzzing.records import NOW
from fuzzing.states import hostile_id, hostile_state, hostile_text, mutated_score

from taskshed._records import Record, thaw
from taskshed.datastores._redis._operations import Answer, gather, pages, rest_of, spread
from taskshed.datastores._redis._rows import Row, due_or_none, earliest, record_of, rows
from taskshed.datastores.commands import Changed, Claim, Claimed, Everything, InGroup, Pause
from taskshed.models import Task


def hostile_row(chance: Random) -> Row:
    state = hostile_state(chance) if chance.random() < 0.6 else None
    score = mutated_score(chance) if chance.random() < 0.8 else None
    return hostile_id(chance), hostile_text(chance), score, state


def test_any_row_is_read() -> None:
    with Campaign("rows") as campaign:
        for chance in campaign:
            record = record_of(hostile_row(chance))
            assert isinstance(record, Record)
            assert isinstance(thaw(record), Task)


mutated_notice = Mutator([str(NOW), f"{NOW} origin", "inf"], [*WORDS, *NUMBERS])


def test_any_due_time_is_an_instant_or_none_or_no_number() -> None:
    with Campaign("due times") as campaign:
        for chance in campaign:
            said: Any = mutated_score(chance) if chance.random() < 0.5 else mutated_notice(chance)
            try:
                due = due_or_none(said)
            except ValueError:  # on a channel anybody may say anything, and is passed over
                continue
            assert due is None or -(10**18) <= due < 10**18
            assert earliest([said, None]) == due


def a_number(chance: Random) -> bytes:
    """A score as servers write them: a double."""
    return str(
        chance.choice((0.0, 1.5, 1e17, 1e18, -1e18, float("inf"), float("-inf"), chance.uniform(-1e19, 1e19)))
    ).encode()


def test_claimed_rows_are_put_together_whatever_is_in_them() -> None:
    command = Claim(limit=400, lease=10**6)
    with Campaign("claims") as campaign:
        for chance in campaign:
            parts = [part for shard in range(chance.randint(1, 3)) for part in spread(command, 1)]
            answers: list[Answer] = []
            for part in parts:
                found = [hostile_row(chance) for _ in range(chance.choice((0, 0, 1, 2)))]
                fields = [field for row in found for field in (*row[:2], a_number(chance), row[3])]
                left = a_number(chance) if chance.random() < 0.7 else None
                answers.append((part._replace(shard=chance.randrange(3)), [NOW, left, *fields]))
            claimed = gather(command, answers)
            assert isinstance(claimed, Claimed)
            assert len(claimed.records) == sum(len(list(rows(answer[2:]))) for _, answer in answers)


def test_a_cursor_comes_back_to_the_shard_that_gave_it() -> None:
    with Campaign("cursors") as campaign:
        for chance in campaign:
            shards = chance.choice((1, 2, 3, 8))
            given = {shard: str(chance.getrandbits(chance.choice((1, 8, 63, 64)))) for shard in range(shards)}
            selection = InGroup("group") if chance.random() < 0.5 else Everything()
            left = {shard: cursor for shard, cursor in given.items() if cursor != "0"}
            rest = rest_of(selection, given)
            assert (rest is None) == (not left)
            if rest is not None:
                assert {part.shard: part.operation[3] for part in pages("pause", rest, shards)} == left
            answered: list[Answer] = [
                (part, [[], None, given.get(part.shard, "0").encode()]) for part in pages("pause", selection, shards)
            ]
            changed = gather(Pause(selection), answered)
            assert isinstance(changed, Changed)
            assert changed.rest == rest
