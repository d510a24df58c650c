"""Between records and rows: plain functions, for all databases."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from taskshed._planning import Settlement
from taskshed._records import Record
from taskshed.datastores.commands import Add, Lease, Renew, Renewed, Settle

CHUNK = 500  # ids or rows in one statement, within every database's limit on parameters


def stale_settlements(command: Settle, valid: Iterable[Lease]) -> tuple[Lease, ...]:
    """The settlements whose lease was not valid, or was shown a second time."""
    left = set(valid)
    stale = []
    for item in command.settlements:
        lease = Lease(item.task_id, item.token)
        if lease in left:
            left.remove(lease)
        else:
            stale.append(lease)
    return tuple(stale)


def renewed(command: Renew, found: Mapping[Lease, bool]) -> Renewed:
    """The answer to a renewal; `found` are the leases that were valid, and whether they are cancelled."""
    return Renewed(
        stale=tuple(lease for lease in command.leases if lease not in found),
        cancelled=tuple(lease for lease, cancelled in found.items() if cancelled),
    )


def by_lease(command: Settle) -> dict[Lease, Settlement]:
    """The settlement of each lease; of several the first counts."""
    return {Lease(item.task_id, item.token): item for item in reversed(command.settlements)}


def children(items: Mapping[Lease, Settlement], valid: Iterable[Lease]) -> Add:
    """What the settlements that count bring with them; mostly nothing."""
    return Add(tuple(child for lease in valid if (child := items[lease].child) is not None))


def settlement_rows(settlements: Sequence[Settlement], now: Callable[[], int]) -> list[dict[str, Any]]:
    """What is written for claims that do not end with the deletion of their task."""
    failed_at = now() if any(item.outcome == "failed" for item in settlements) else None
    return [
        {
            "task_id": item.task_id,
            "token": item.token,
            "run_at": item.run_at,
            "due": None if item.outcome == "failed" else item.run_at,
            "attempts": item.attempts,
            "error": item.error,
            "progress": item.progress,
            "failed_at": failed_at if item.outcome == "failed" else None,
        }
        for item in settlements
    ]


def chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """`items` in parts that fit into one statement."""
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def record_of(row: Sequence[Any]) -> Record:
    """The record in a row of its fields."""
    return Record(**dict(zip(Record.__struct_fields__, row, strict=True)))


def rows_to_add(command: Add) -> list[dict[str, Any]]:
    """The rows for records, one for each id, and ordered so that two who add the same wait and do not deadlock."""
    records = command.records if command.replace else reversed(command.records)
    unique = {record.task_id: record for record in records}
    names = (*Record.__struct_fields__, "due")
    return [{name: getattr(unique[task_id], name) for name in names} for task_id in sorted(unique)]


def kept(command: Add, taken: set[str]) -> tuple[str, ...]:
    """The ids that were `taken`, by others or by an earlier record of the same command."""
    seen = set(taken)
    kept = []
    for record in command.records:
        if record.task_id in seen:
            kept.append(record.task_id)
        seen.add(record.task_id)
    return tuple(kept)
