"""Commands as operations of the script, for each shard its own, and the answers back: plain functions."""

import heapq
from collections.abc import Callable, Sequence
from hashlib import sha1
from itertools import chain, count, islice
from typing import Any, NamedTuple
from zlib import crc32

import msgspec

from taskshed._planning import Settlement
from taskshed.datastores._redis._rows import earliest, instant, record_of, row_to_add, rows
from taskshed.datastores.commands import (
    Add,
    Added,
    ById,
    Cancel,
    Changed,
    Claim,
    Claimed,
    Command,
    Failed,
    InGroup,
    Lease,
    Move,
    Note,
    Paged,
    Pause,
    Remove,
    Renew,
    Renewed,
    Resume,
    Retry,
    Selection,
    Settle,
)
from taskshed.models import MAX_NAME_LENGTH

BATCH = 200  # tasks in one operation, for nobody else is served while it runs

_LONG = MAX_NAME_LENGTH - 10  # an id that has no room for a number

Operation = list[Any]  # a name and its arguments


class Part(NamedTuple):
    """What one shard has to do of a command.

    Attributes:
        positions: which of the command's tasks these are.
    """

    shard: int
    operation: Operation
    positions: Sequence[int] = ()
    size: int = 1


Answer = tuple[Part, Any]  # what a part was answered with


def shard_of(task_id: str, shards: int) -> int:
    """The shard in which a task lives, as long as it lives."""
    return crc32(task_id.encode()) % shards if shards > 1 else 0


def spread(command: Command[Any], shards: int) -> list[Part]:
    """What each shard has to do of a command."""
    match command:
        case Add(records=records, replace=replace):
            ids = [record.task_id for record in records]
            parts = by_task("add", ids, [row_to_add(record) for record in records], shards, replace)
        case Settle(settlements=items):
            parts = by_task("settle", [item.task_id for item in items], [_line(item, shards) for item in items], shards)
        case Renew(leases=leases, lease=lease):
            lines = [[item.task_id, item.token] for item in leases]
            parts = by_task("renew", [item.task_id for item in leases], lines, shards, lease)
        case Move(times=times):
            parts = by_task("move", list(times), [[name, instant(at)] for name, at in times.items()], shards)
        case Note(task_id=task_id, error=error):
            parts = [Part(shard_of(task_id, shards), ["note", task_id, error])]
        case Pause() | Resume() | Retry() | Cancel() | Remove():
            parts = _selected(type(command).__name__.lower(), command.selection, shards)
        case Claim():
            parts = _claims(0, command.limit, command.lease)
        case _:
            raise TypeError(f"no command: {command!r}")
    return parts


def _line(item: Settlement, shards: int) -> list[Any]:
    line = [item.task_id, item.token, item.outcome, instant(item.run_at), item.attempts, item.error, item.progress]
    if item.child is None:
        return line
    # One script settles and adds, so both are in one shard.
    child_id = _id_in(shard_of(item.task_id, shards), item.child.task_id, shards)
    return [*line, row_to_add(msgspec.structs.replace(item.child, task_id=child_id))]


def _id_in(shard: int, task_id: str, shards: int) -> str:
    """`task_id`, or one made of it that falls into the shard: whoever asks again gets the same."""
    stem = task_id if len(task_id) < _LONG else sha1(task_id.encode(), usedforsecurity=False).hexdigest()
    names = chain([task_id], (f"{stem}-{number}" for number in count(1)))
    return next(name for name in names if shard_of(name, shards) == shard)


def by_task(name: str, ids: Sequence[str], items: Sequence[Any], shards: int, *more: Any) -> list[Part]:
    """An operation on `items`, one for each id, where the tasks are; `more` are its other arguments."""
    places: dict[int, list[int]] = {}
    for position, task_id in enumerate(ids):
        places.setdefault(shard_of(task_id, shards), []).append(position)
    return [
        Part(shard, [name, [items[position] for position in chosen], *more], chosen, len(chosen))
        for shard, positions in places.items()
        for chosen in (positions[start : start + BATCH] for start in range(0, len(positions), BATCH))
    ]


def _selected(name: str, selection: Selection, shards: int) -> list[Part]:
    if isinstance(selection, ById):
        ids = list(dict.fromkeys(selection.task_ids))
        return by_task(name, ids, ids, shards)
    return pages(name, selection, shards)


def pages(name: str, selection: Paged, shards: int) -> list[Part]:
    """One page of what is selected, from each shard that has more of it."""
    group: Any = None
    if isinstance(selection, InGroup):
        group = selection.group_id
    elif isinstance(selection, Failed):
        group = [selection.age]
    return [
        Part(shard, [name, False, group, cursor, BATCH], size=BATCH)
        for shard, cursor in _cursors(selection.after, shards).items()
    ]


def rest_of(selection: Paged, cursors: dict[int, str]) -> Paged | None:
    """What is left of a selection after a page, if anything is."""
    after = ",".join(f"{shard}:{cursor}" for shard, cursor in cursors.items() if cursor != "0")
    return msgspec.structs.replace(selection, after=after) if after else None


def _cursors(after: str, shards: int) -> dict[int, str]:
    if not after:
        return dict.fromkeys(range(shards), "0")
    pairs = (part.split(":") for part in after.split(","))
    return {int(shard): cursor for shard, cursor in pairs}


def _claims(shard: int, limit: int, lease: int, at: int | None = None) -> list[Part]:
    whole, left = divmod(limit, BATCH)
    limits = [BATCH] * whole + [left] * (left > 0 or not whole)
    return [Part(shard, ["claim", limit, lease, at], size=limit) for limit in limits]


def peeks(command: Claim, shards: int) -> list[Part]:
    """Each shard knows only what is due there, so all are asked what they have before any is told to give."""
    return [Part(shard, ["peek", command.limit]) for shard in range(shards)]


def quotas(command: Claim, due: Sequence[Answer]) -> list[Part]:
    """Let each shard give its part of what is due first in all; `due` is what each has, as `peeks` asks."""
    offers = [[(float(score), part.shard) for score in scores] for part, (_, scores) in due]
    at = due[0][1][0]  # one time for all, for each server has a clock of its own
    limits = {part.shard: 0 for part, _ in due}
    for _, shard in islice(heapq.merge(*offers), command.limit):
        limits[shard] += 1
    return [part for shard, limit in limits.items() for part in _claims(shard, limit, command.lease, at)]


def _missed(answers: Sequence[tuple[Part, Sequence[int]]]) -> list[int]:
    return sorted(part.positions[index - 1] for part, missed in answers for index in missed)


def _added(command: Add, answers: Sequence[Answer]) -> Added:
    return Added(kept=tuple(command.records[position].task_id for position in _missed(answers)))


def _stale(command: Settle, answers: Sequence[Answer]) -> tuple[Lease, ...]:
    items = command.settlements
    return tuple(Lease(items[position].task_id, items[position].token) for position in _missed(answers))


def _renewed(command: Renew, answers: Sequence[Answer]) -> Renewed:
    stale, cancelled = (_missed([(part, answer[which]) for part, answer in answers]) for which in (0, 1))
    return Renewed(
        stale=tuple(command.leases[position] for position in stale),
        cancelled=tuple(command.leases[position] for position in cancelled),
    )


def _changed(ids: Sequence[str], answers: Sequence[Answer]) -> Changed:
    missing = _missed([(part, answer[0]) for part, answer in answers])
    made = earliest(answer[1] for _, answer in answers)
    return Changed(missing=tuple(ids[position] for position in missing), earliest=made)


def _noted(_: Note, answers: Sequence[Answer]) -> None:
    return None


def _moved(command: Move, answers: Sequence[Answer]) -> Changed:
    return _changed(list(command.times), answers)


def _changed_selected(command: Pause | Resume | Retry | Cancel | Remove, answers: Sequence[Answer]) -> Changed:
    selection = command.selection
    if isinstance(selection, ById):
        changed = _changed(list(dict.fromkeys(selection.task_ids)), answers)
        return Changed() if isinstance(command, Remove) else changed
    rest = rest_of(selection, {part.shard: answer[2].decode() for part, answer in answers})
    return Changed(earliest=earliest(answer[1] for _, answer in answers), rest=rest)


def _claimed(_: Claim, answers: Sequence[Answer]) -> Claimed:
    found = [row for _, answer in answers for row in rows(answer[2:])]
    # Of what one shard was asked several times, the last answer is the one that still holds.
    left = {part.shard: answer[1] for part, answer in answers}
    if len(left) > 1:
        found.sort(key=lambda row: float(row[2] or 0))
    return Claimed(
        now=min(answer[0] for _, answer in answers),
        records=tuple(record_of(row) for row in found),
        next_due=earliest(left.values()),
    )


_GATHER: dict[type[Command[Any]], Callable[[Any, Sequence[Answer]], Any]] = {
    Add: _added,
    Settle: _stale,
    Renew: _renewed,
    Move: _moved,
    Note: _noted,
    Pause: _changed_selected,
    Resume: _changed_selected,
    Retry: _changed_selected,
    Cancel: _changed_selected,
    Remove: _changed_selected,
    Claim: _claimed,
}


def gather(command: Command[Any], answers: Sequence[Answer]) -> Any:
    """The answer to a command, from those of its parts."""
    return _GATHER[type(command)](command, answers)
