"""Tasks as they are, a page of each shard at a time."""

from collections.abc import Sequence
from typing import Any

from taskshed._records import Record
from taskshed.datastores._redis._deliveries import deliver
from taskshed.datastores._redis._lanes import Lane
from taskshed.datastores._redis._operations import Part, by_task, pages, rest_of
from taskshed.datastores._redis._rows import record_of, rows
from taskshed.datastores._trouble import Trouble
from taskshed.datastores.commands import ById, Paged, Selection


async def read_all(lane: Lane, selection: Selection, shards: int) -> list[Record]:
    """The selected tasks: by id in the order asked for, else by `run_at`.

    Raises:
        Trouble: they cannot be read.
    """
    if isinstance(selection, ById):
        ids = list(dict.fromkeys(selection.task_ids))
        found = await _read(lane, by_task("fetch", ids, ids, shards))
        return [found[task_id] for task_id in ids if task_id in found]
    found = {}
    rest: Paged | None = selection
    while rest is not None:
        cursors: dict[int, str] = {}
        found |= await _read(lane, pages("fetch", rest, shards), cursors)  # a page may show a task again
        rest = rest_of(rest, cursors)
    return sorted(found.values(), key=lambda record: record.run_at)


async def _read(lane: Lane, parts: Sequence[Part], cursors: dict[int, str] | None = None) -> dict[str, Record]:
    requests: dict[int, Any] = {}
    for part in parts:
        requests.setdefault(part.shard, []).append([part.operation])
    try:
        replies = await deliver(lane, requests)
    except Trouble as trouble:
        if trouble.kind != "lost":
            raise
        replies = await deliver(lane, requests)  # nothing is changed by reading twice
    found: dict[str, Record] = {}
    for shard, answers in replies.items():
        for cursor, values in answers:
            if cursors is not None:
                cursors[shard] = cursor.decode()
            records = [record_of(row) for row in rows(values)]
            found |= {record.task_id: record for record in records}
    return found
