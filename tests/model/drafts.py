"""What happens to tasks, drawn at random: commands of schedulers as they are, those of workers as drafts.

What a worker says depends on what it holds, which is known only when it says it. Ids are few and instants lie on a
grid of seconds, so that things meet.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import Bundle
from model.bench import START

from taskshed._planning import Outcome
from taskshed._records import Record
from taskshed.datastores.commands import Add, ById, Command, Everything, InGroup, Move, Note, Pause, Remove, Resume

SECOND = 1_000_000
IDS = "abcdef"
GROUPS = ("g", "h")
LEASES = (0, SECOND, 5 * SECOND, 20 * SECOND)  # each worker's own


class Born(msgspec.Struct, frozen=True):
    """A child that a settlement brings; its name and body are given to it later."""

    group_id: str | None
    run_at: int


class Ended(msgspec.Struct, frozen=True):
    """What became of a claimed occurrence."""

    held: Record
    outcome: Outcome
    run_at: int
    attempts: int
    error: str | None
    progress: str | None
    born: Born | None


class ClaimFor(msgspec.Struct, frozen=True):
    """A worker claims."""

    worker: int
    limit: int


class RenewFor(msgspec.Struct, frozen=True):
    """A worker renews all that it takes itself to hold."""

    worker: int


class SettleFor(msgspec.Struct, frozen=True):
    """Somebody settles, perhaps what was lost long ago, or the same twice."""

    endings: tuple[Ended, ...]


Draft = Command[Any] | ClaimFor | RenewFor | SettleFor

held: Bundle[Record] = Bundle("held")  # every occurrence that was ever claimed

instants = st.integers(-3, 30).map(lambda seconds: START + seconds * SECOND)
groups = st.sampled_from([None, *GROUPS])
errors = st.sampled_from([None, "boom", ""])
progresses = st.sampled_from([None, '{"runs":1}', '{"runs":2}'])
names = st.sampled_from(IDS) | held.map(lambda record: record.task_id)
workers = st.integers(0, len(LEASES) - 1)

records = st.builds(
    Record,
    task_id=st.sampled_from(IDS),
    group_id=groups,
    body=st.sampled_from(['{"callback":"ring"}', "{}"]),
    run_at=instants,
    paused_at=st.none() | st.none() | instants,
    progress=progresses,
)
by_id = st.builds(lambda ids: ById(tuple(ids)), st.lists(names, min_size=1, max_size=4))
in_group = st.builds(InGroup, st.sampled_from(GROUPS))
selections = by_id | in_group
endings = st.builds(
    Ended,
    held=held,
    outcome=st.sampled_from(["done", "next", "failed", "released"]),
    run_at=instants,
    attempts=st.integers(0, 2),
    error=errors,
    progress=progresses,
    born=st.none() | st.builds(Born, groups, instants),
)

adds = st.builds(lambda items, replace: Add(tuple(items), replace), st.lists(records, min_size=1, max_size=4), st.booleans())
pauses = st.builds(Pause, selections)
resumes = st.builds(Resume, selections)
moves = st.builds(Move, st.dictionaries(names, instants, min_size=1, max_size=3))
removes = st.builds(Remove, selections | selections | st.just(Everything()))
notes = st.builds(Note, names, st.sampled_from(["noted", ""]))
claims = st.builds(ClaimFor, workers, st.sampled_from([1, 2, 3, 10]))
renewals = st.builds(RenewFor, workers)
settlements = st.builds(lambda items: SettleFor(tuple(items)), st.lists(endings, min_size=1, max_size=4))
batches = st.lists(
    st.one_of(adds, pauses, resumes, moves, removes, notes, claims, renewals, settlements), min_size=2, max_size=5
)
