"""The permissions that the documentation says are enough: they are, and without any of them the error names it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from servers.redis_fixtures import StartServer

import taskshed
from taskshed.datastores import RedisDataStore
from taskshed.errors import DatastoreError

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)
PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "redis.md").read_text("utf-8")
(LINE,) = re.findall(r"^```text acl\n(.*)\n```$", PAGE, re.MULTILINE)
NEEDED = [word for word in LINE.split() if word.startswith("+") and word not in ("+client|setinfo", "+select")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # of what is permitted, nothing depends on it


def store(url: str) -> RedisDataStore:
    return RedisDataStore(url.replace("redis://", "redis://taskshed:secret@"))


async def test_they_are_enough(start_valkey: StartServer) -> None:
    server = start_valkey()
    server.execute(*LINE.split())
    ran = anyio.Event()

    async def note() -> None:
        ran.set()

    async with taskshed.open_scheduler(store(server.url), callback_map={"note": note}) as scheduler:
        await scheduler.add_tasks(taskshed.Task(callback="note", run_at=TOMORROW, group_id="g") for _ in range(500))
        await scheduler.pause_tasks(group_id="g")
        await scheduler.add_task("note")
        with anyio.fail_after(10):
            await ran.wait()
        assert len(await scheduler.fetch_tasks(group_id="g")) == 500
        await scheduler.remove_all_tasks()


@pytest.mark.parametrize("word", NEEDED)
async def test_without_one_of_them_it_does_not_open_and_says_why(start_valkey: StartServer, word: str) -> None:
    server = start_valkey()
    server.execute(*(other for other in LINE.split() if other != word))
    with pytest.raises(DatastoreError, match="NOPERM") as caught:
        await store(server.url).start()
    assert word[1:] in str(caught.value).lower()
