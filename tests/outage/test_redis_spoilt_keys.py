"""Somebody has put something else where the store keeps its tasks: what it says of its effect is true."""

import pytest
from outage.redis_sites import RedisSite
from outage.sites import TOMORROW

import taskshed
from taskshed._records import freeze
from taskshed.datastores._redis._operations import shard_of
from taskshed.datastores.commands import Add, ById

pytestmark = pytest.mark.anyio

IDS = tuple(f"t{number}" for number in range(20))
ADD = Add(tuple(freeze(taskshed.Task(callback="note", run_at=TOMORROW, task_id=task_id)) for task_id in IDS))


@pytest.mark.parametrize("shards", [1, 8])
@pytest.mark.parametrize("what", ["due", "body", "state"])
async def test_a_script_that_fails_does_not_say_that_nothing_was_changed(
    redis_site: RedisSite, shards: int, what: str
) -> None:
    async with redis_site.storage(shards=shards) as storage:
        await redis_site.execute("SET", f"{{taskshed:0}}:{what}", "x")
        with pytest.raises(taskshed.DatastoreUnavailableError, match=r"WRONGTYPE.*it is not known whether"):
            await storage.execute([ADD])
        await redis_site.execute("DEL", f"{{taskshed:0}}:{what}")
        others = {task_id for task_id in IDS if shard_of(task_id, shards)}
        assert others <= {record.task_id for record in await storage.fetch(ById(IDS))}
