"""SQLite files: made, kept, shared, refused."""

import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

import taskshed
from taskshed.datastores import SQLConfig, SQLDataStore
from taskshed.schedulers import AsyncScheduler

pytestmark = pytest.mark.anyio

TOMORROW = datetime.now(UTC) + timedelta(days=1)


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


async def test_tasks_survive_and_the_folder_is_made(tmp_path: Path) -> None:
    url = url_of(tmp_path / "new" / "folder" / "tasks.db")
    async with taskshed.open_scheduler(url) as scheduler:
        task = await scheduler.add_task("greet", TOMORROW, {"name": "Ada"})
    async with taskshed.open_scheduler(url) as scheduler:
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]


async def test_what_is_stored_is_json_in_a_file_with_a_log(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    async with taskshed.open_scheduler(url_of(file)) as scheduler:
        await scheduler.add_task("greet", TOMORROW, {"name": "Ada"})
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        name = "SELECT json_extract(body, '$.kwargs.name') FROM taskshed_tasks"
        assert connection.execute(name).fetchone() == ("Ada",)
        assert connection.execute("SELECT schema_version FROM taskshed_meta").fetchall() == [(1,)]
    connection.close()


async def test_two_stores_in_one_file_by_prefix(tmp_path: Path) -> None:
    configs = [SQLConfig(url=url_of(tmp_path / "tasks.db"), table_prefix=prefix) for prefix in ("one_", "two_")]
    async with AsyncScheduler(SQLDataStore(configs[0])) as one, AsyncScheduler(SQLDataStore(configs[1])) as two:
        await one.add_task("greet", TOMORROW, task_id="id")
        assert await two.fetch_tasks(task_ids=["id"]) == []


async def test_a_database_in_memory_lasts_as_long_as_it_is_open() -> None:
    datastore = SQLDataStore("sqlite://")
    async with AsyncScheduler(datastore) as scheduler:
        task = await scheduler.add_task("greet", TOMORROW)
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == [task]
    async with AsyncScheduler(datastore) as scheduler:
        assert await scheduler.fetch_tasks(task_ids=[task.task_id]) == []


def write_text(file: Path) -> None:
    file.write_text("this is no database, but long enough to be looked at\n" * 100)


def make_strange_table(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE taskshed_tasks (id INTEGER)")
    connection.close()


def make_strange_tables(file: Path) -> None:
    make_strange_table(file)
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE taskshed_meta (key TEXT, value TEXT)")
    connection.close()


async def make_newer(file: Path) -> None:
    async with SQLDataStore(url_of(file)):
        pass
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE taskshed_meta SET schema_version = 99")
    connection.close()


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (write_text, "file is not a database"),
    (make_strange_table, "taskshed_tasks exist but are not TaskShed's"),
    (make_strange_tables, "taskshed_meta, taskshed_tasks exist but are not TaskShed's"),
    (make_newer, "schema version 99"),
]


@pytest.mark.parametrize(("prepare", "message"), REFUSED, ids=[message for _, message in REFUSED])
async def test_a_file_that_is_not_ours_is_refused_and_left_as_it_was(
    tmp_path: Path, prepare: Callable[[Path], object], message: str
) -> None:
    file = tmp_path / "foreign.db"
    if prepare is make_newer:
        await make_newer(file)
    else:
        prepare(file)
    before = file.read_bytes()
    with pytest.raises(taskshed.DatastoreFormatError, match=message):
        async with taskshed.open_scheduler(url_of(file)):
            pass
    if prepare is write_text:
        assert file.read_bytes() == before
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("taskshed")] == []


async def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    async with SQLDataStore(url_of(file)):
        pass
    with pytest.raises(taskshed.DatastoreFormatError, match=r"readonly database; name a file that TaskShed may write"):
        async with SQLDataStore(f"sqlite:///file:{file}?mode=ro&uri=true"):
            pass


async def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(taskshed.DatastoreUnavailableError, match="unable to open database file"):
        async with SQLDataStore(url_of(tmp_path)):
            pass


async def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(taskshed.DatastoreUnavailableError, match=r"file/tasks\.db"):
        async with SQLDataStore(url_of(tmp_path / "file" / "tasks.db")):
            pass


async def test_a_locked_file_is_unavailable_and_works_again_afterwards(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    config = SQLConfig(url=url_of(file), busy_timeout=timedelta(milliseconds=20))
    async with AsyncScheduler(SQLDataStore(config)) as scheduler:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(taskshed.DatastoreUnavailableError, match="database is locked; nothing was changed"):
            await scheduler.add_task("greet", TOMORROW, task_id="id")
        assert await scheduler.fetch_tasks(task_ids=["id"]) == []  # readers do not wait for writers
        other.execute("COMMIT")
        other.close()
        await scheduler.add_task("greet", TOMORROW, task_id="id")
        assert len(await scheduler.fetch_tasks(task_ids=["id"])) == 1


async def test_a_row_edited_by_hand_fails_and_the_others_run(tmp_path: Path) -> None:
    file = tmp_path / "tasks.db"
    ran: list[str] = []
    all_ran = anyio.Event()

    async def note() -> None:
        ran.append(taskshed.current_occurrence().task_id)
        if len(ran) == 2:
            all_ran.set()

    async with taskshed.open_scheduler(url_of(file)) as scheduler:
        for task_id in ("a", "body", "run_at", "attempts", "token", "z"):
            await scheduler.add_task("note", task_id=task_id)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE taskshed_tasks SET body = '{' WHERE task_id = 'body'")
        connection.execute("UPDATE taskshed_tasks SET run_at = 'soon' WHERE task_id = 'run_at'")
        connection.execute("UPDATE taskshed_tasks SET run_at = 9e18 WHERE task_id = 'attempts'")
        connection.execute("UPDATE taskshed_tasks SET body = x'ff00' WHERE task_id = 'token'")
    connection.close()
    async with taskshed.open_scheduler(url_of(file), callback_map={"note": note}) as scheduler:
        with anyio.fail_after(20):
            await all_ran.wait()
        assert sorted(ran) == ["a", "z"]
    async with taskshed.open_scheduler(url_of(file)) as scheduler:
        tasks = await scheduler.fetch_tasks(task_ids=["body", "run_at", "attempts", "token"])
        assert [(task.task_id, task.status) for task in tasks] == [
            (task_id, "failed") for task_id in ("body", "run_at", "attempts", "token")
        ]
        assert all("cannot be read" in (task.error or "") for task in tasks)


BAD_CONFIGS: list[tuple[dict[str, object], str]] = [
    ({"url": "nonsense"}, "no database URL"),
    ({"url": "oracle://scott:tiger@localhost/x"}, "no SQL datastore for oracle"),
    ({"url": "sqlite://", "table_prefix": "x; DROP TABLE y"}, "table_prefix"),
    ({"url": "sqlite://", "busy_timeout": timedelta(0)}, "busy_timeout must be positive"),
    ({"url": "sqlite://", "poll_interval": -timedelta(1)}, "poll_interval must be positive"),
]


@pytest.mark.parametrize(("settings", "message"), BAD_CONFIGS, ids=[message for _, message in BAD_CONFIGS])
def test_a_bad_configuration_is_refused_without_showing_a_password(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        SQLConfig(**settings)  # type: ignore[arg-type]  # the point of the test
    assert "tiger" not in str(caught.value)
