"""What happens to tasks, drawn at random: commands of schedulers as they are, those of workers as drafts.

What a worker says depends on what it holds, which is known only when it says it. Ids are few and instants lie on a
grid of seconds, so that things meet.
"""

from typing import Any

import msgspec
from hypothesis import strategies as st
from model.bench import START

from taskshed._planning import Outcome
from taskshed._records import Record
from taskshed.datastores.commands import (
    Add,
    ById,
    Cancel,
    Command,
    Everything,
    Failed,
    InGroup,
    Move,
    Note,
    Pause,
    Remove,
    Resume,
    Retry,
)

SECOND = 1_000_000
IDS = "abde"
GROUPS = ("g", "h")
LEASES = (0, SECOND, 5 * SECOND, 20 * SECOND)  # each worker's own


class Wait(msgspec.Struct, frozen=True):
    """Time passes: until something is due, or from now; so many microseconds after that."""

    until_due: bool
    after: int


class Born(msgspec.Struct, frozen=True):
    """A child that a settlement brings; its name and body are given to it later."""

    group_id: str | None
    run_at: int


class Ended(msgspec.Struct, frozen=True):
    """What became of an occurrence that was claimed: of those that are valid, or of all ever given, this one."""

    which: int
    valid: bool
    outcome: Outcome
    run_at: int
    attempts: int
    error: str | None
    progress: str | None
    born: Born | None


class ClaimFor(msgspec.Struct, frozen=True):
    """A worker claims: of those of the process, this one."""

    which: int
    limit: int


class RenewFor(msgspec.Struct, frozen=True):
    """A worker renews all that it takes itself to hold: of those workers that hold something, this one."""

    which: int


class SettleFor(msgspec.Struct, frozen=True):
    """Somebody settles, perhaps what was lost long ago, or the same twice."""

    endings: tuple[Ended, ...]


Draft = Command[Any] | ClaimFor | RenewFor | SettleFor

instants = st.integers(-3, 8).map(lambda seconds: START + seconds * SECOND)
groups = st.sampled_from([None, *GROUPS])
progresses = st.sampled_from([None, '{"runs":1}', '{"runs":2}'])
names = st.sampled_from([*IDS, "nobody"])

records = st.builds(
    Record,
    task_id=st.sampled_from(IDS),
    group_id=groups,
    body=st.sampled_from(['{"callback":"ring"}', "{}"]),
    run_at=instants,
    paused_at=st.sampled_from([None, None, None, None, None, START]),
    progress=progresses,
)
selections = st.one_of(
    st.lists(names, min_size=1, max_size=3).map(lambda ids: ById(tuple(ids))), st.sampled_from(GROUPS).map(InGroup)
)
endings = st.builds(
    Ended,
    which=st.integers(0, 3),
    valid=st.sampled_from([True, True, True, False]),
    outcome=st.sampled_from(["next", "retry", "released", "released", "done", "failed", "failed"]),
    run_at=instants,
    attempts=st.integers(0, 2),
    error=st.sampled_from([None, None, "boom", ""]),
    progress=progresses,
    born=st.none() | st.builds(Born, groups, instants),
)

failed = st.sampled_from([0, 0, SECOND, 10 * SECOND]).map(Failed)

adds = st.builds(Add, st.lists(records, min_size=1, max_size=5).map(tuple), st.booleans())
claims = st.builds(ClaimFor, st.integers(0, 3), st.sampled_from([10, 10, 1, 2, 4]))
settlements = st.lists(endings, min_size=1, max_size=4).map(lambda items: SettleFor(tuple(items)))
renewals = st.builds(RenewFor, st.integers(0, 1))
changes = st.one_of(
    st.builds(Pause, selections),
    st.builds(Pause, selections),
    st.builds(Resume, selections),
    st.builds(Move, st.dictionaries(names, instants, min_size=1, max_size=3)),
    st.builds(Retry, st.one_of(selections, failed)),
    st.builds(Cancel, selections),
    st.builds(Cancel, st.just(Everything())),
    st.builds(Remove, st.one_of(selections, selections, failed, st.just(Everything()))),
    st.builds(Note, names, st.sampled_from(["noted", ""])),
)
batches = st.lists(
    # Weighed so that tasks mostly run, and what is done to them is done while they do.
    st.one_of(adds, adds, adds, claims, claims, claims, settlements, settlements, renewals, renewals, changes),
    min_size=1,
    max_size=4,
)
waits = st.one_of(
    st.builds(Wait, st.just(True), st.integers(-1, 1)),
    st.builds(Wait, st.just(False), st.sampled_from([0, SECOND, 3 * SECOND, 10 * SECOND])),
)
