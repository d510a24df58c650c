"""The SQL stores against the reference model; they are slower, so there are fewer examples."""

from datetime import timedelta
from pathlib import Path

from anyio.from_thread import BlockingPortal
from databases import own_tables
from model.bench import Bench, TurnedClock
from model.cells import mysql_cell, postgresql_cell
from model.running import try_examples

from taskshed.datastores import SQLDataStore

SOON = timedelta(milliseconds=20)  # until the other process looks, if nobody tells it


def test_sqlite_does_what_the_model_does(portal: BlockingPortal, share: float, tmp_path: Path) -> None:
    config = own_tables(f"sqlite:///{tmp_path / 'tasks.db'}", poll_interval=SOON)
    with Bench(portal, TurnedClock(), lambda: SQLDataStore(config)) as bench:
        try_examples(bench, 12 * share)


def test_postgresql_does_what_the_model_does(portal: BlockingPortal, share: float, postgres_url: str) -> None:
    config = own_tables(postgres_url)
    with (
        postgresql_cell(postgres_url) as write,
        Bench(portal, TurnedClock(write), lambda: SQLDataStore(config)) as bench,
    ):
        try_examples(bench, 8 * share)


def test_mariadb_does_what_the_model_does(portal: BlockingPortal, share: float, mysql_url: str) -> None:
    config = own_tables(mysql_url, poll_interval=SOON)
    with mysql_cell(mysql_url) as write, Bench(portal, TurnedClock(write), lambda: SQLDataStore(config)) as bench:
        try_examples(bench, 8 * share)
