"""What is kept of a task besides its body and its time: nothing, if there is no more to say."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from redis import Redis
from redis_store.work import key
from redis_stores import own_prefix

from taskshed._planning import Settlement
from taskshed._records import Record, freeze
from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.datastores.commands import Add, ById, Claim, Note, Remove, Settle
from taskshed.models import Task

pytestmark = pytest.mark.anyio

HOUR = 3_600_000_000
WAITING = freeze(Task(callback="note", task_id="a"))


@pytest.fixture
def config(valkey_url: str) -> RedisConfig:
    return own_prefix(valkey_url)


@pytest.fixture
def client(valkey_url: str) -> Iterator[Any]:
    with Redis.from_url(valkey_url, decode_responses=True) as client:
        yield client


async def claimed(datastore: RedisDataStore) -> Record:
    (record,) = (await datastore.ask(Claim(limit=9, lease=HOUR))).records
    return record


async def test_only_who_is_more_than_waiting_has_a_state(config: RedisConfig, client: Any) -> None:
    def with_state() -> list[str]:
        names: list[str] = client.hkeys(key(config.key_prefix, "state"))
        return names

    async def settle(progress: str | None) -> None:
        record = await claimed(datastore)
        again = Settlement(task_id="a", token=record.token, outcome="next", run_at=record.run_at, progress=progress)
        assert await datastore.ask(Settle((again,))) == ()

    async with RedisDataStore(config) as datastore:
        await datastore.ask(Add((WAITING,)))
        assert with_state() == []
        await settle(progress="{}")
        assert with_state() == ["a"]
        await settle(progress=None)
        assert with_state() == []
        await datastore.ask(Add((msgspec.structs.replace(WAITING, progress=""),)))
        assert with_state() == ["a"]
        await datastore.ask(Add((WAITING,)))
        assert with_state() == []
        await datastore.ask(Note("a", "boom"))
        assert with_state() == ["a"]


async def test_a_note_of_no_task_leaves_nothing(config: RedisConfig, client: Any) -> None:
    async with RedisDataStore(config) as datastore:
        await datastore.ask(Add((WAITING, msgspec.structs.replace(WAITING, task_id="b"))))
        await datastore.ask(Remove(ById(("a",))))
        before = client.keys(key(config.key_prefix, "*"))
        await datastore.ask_all((Note("a", "boom"), Note("x", "boom")))
        assert client.keys(key(config.key_prefix, "*")) == before
        assert client.hkeys(key(config.key_prefix, "body")) == ["b"]
