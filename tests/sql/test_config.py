"""What an SQL datastore is told: checked at once, and shown without secrets."""

import sys
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

import taskshed
from taskshed.datastores import SQLConfig, SQLDataStore

SECRET = "s3cret-pa55"

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "give either a url or an engine"),
    "both": ({"url": "sqlite://", "engine": create_engine("sqlite://")}, "give either a url or an engine"),
    "no URL": ({"url": "nonsense"}, "no database URL; it should look like sqlite:///tasks.db"),
    "another database": ({"url": f"oracle://scott:{SECRET}@host/x"}, "no SQL datastore for oracle; use sqlite"),
    "prefix": ({"url": "sqlite://", "table_prefix": "x; DROP TABLE y"}, "table_prefix must be letters"),
    "long prefix": ({"url": "sqlite://", "table_prefix": "x" * 41}, "table_prefix has 41 characters, at most 40"),
    "schema name": ({"url": "postgresql://host/x", "schema": 'a"b'}, "schema must be letters"),
    "schema elsewhere": ({"url": "mysql://host/x", "schema": "jobs"}, "schema is for PostgreSQL, not for mysql"),
    "no connections": ({"url": "mysql://host/x", "pool_size": 0}, "pool_size must be at least 1, not 0"),
    "timeout": ({"url": "mysql://host/x", "timeout": timedelta(0)}, "timeout must be positive"),
    "busy timeout": ({"url": "sqlite://", "busy_timeout": timedelta(0)}, "busy_timeout must be positive"),
    "poll interval": ({"url": "sqlite://", "poll_interval": -timedelta(1)}, "poll_interval must be positive"),
}


@pytest.mark.parametrize(("settings", "message"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_and_no_password_is_shown(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        SQLConfig(**settings)
    assert SECRET not in str(caught.value)


def test_neither_a_configuration_nor_its_store_shows_a_password() -> None:
    url = f"postgresql://ada:{SECRET}@db.example.org:5433/tasks?options={SECRET}"
    config = SQLConfig(url=url, table_prefix="jobs_", schema="app", pool_size=5)
    shown = "SQLConfig('postgresql://db.example.org:5433/tasks', table_prefix='jobs_', schema='app', pool_size=5)"
    assert repr(config) == str(config) == shown
    assert repr(SQLDataStore(config)) == "<SQLDataStore not running>"
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    assert SECRET not in repr(SQLConfig(engine=engine)) + repr(SQLDataStore(engine))


@pytest.mark.parametrize("url", ["postgresql:////ada:{}@host/tasks", "mysql://host/tasks&password={}"])
def test_a_sign_too_many_or_too_few_shows_no_password_either(url: str) -> None:
    assert SECRET not in repr(SQLConfig(url=url.format(SECRET)))


DRIVERS = {
    "sqlite:///tasks.db": "sqlite+pysqlite:///tasks.db",
    "sqlite+aiosqlite:///tasks.db": "sqlite+aiosqlite:///tasks.db",
    "postgresql://host/tasks": "postgresql+asyncpg://host/tasks",
    "postgres://host/tasks": "postgresql+asyncpg://host/tasks",
    "postgresql+psycopg://host/tasks": "postgresql+psycopg://host/tasks",
    "postgresql://host/tasks?sslmode=require": "postgresql+asyncpg://host/tasks?ssl=require",
    "mysql://host/tasks": "mysql+asyncmy://host/tasks",
    "mariadb://host/tasks": "mariadb+asyncmy://host/tasks",
}


@pytest.mark.parametrize(("given", "used"), DRIVERS.items(), ids=DRIVERS)
def test_a_url_without_a_driver_gets_the_usual_one(given: str, used: str) -> None:
    assert SQLConfig(url=given).parsed_url() == make_url(used)
    assert SQLConfig(url=make_url(given)).parsed_url() == make_url(used)


MISSING = {
    "postgresql://host/x": ("asyncpg", r"pip install 'taskshed\[postgresql\]'"),
    "mysql://host/x": ("asyncmy", r"pip install 'taskshed\[mysql\]'"),
    "mariadb://host/x": ("asyncmy", r"pip install 'taskshed\[mysql\]'"),
    "sqlite+aiosqlite:///x.db": ("aiosqlite", "pip install 'aiosqlite'"),
}


@pytest.mark.parametrize(("url", "driver", "advice"), [(url, *how) for url, how in MISSING.items()], ids=MISSING)
def test_a_missing_driver_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, url: str, driver: str, advice: str
) -> None:
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(
        taskshed.MissingDriverError, match=f"needs {driver}, which is not installed: {advice}"
    ) as caught:
        SQLDataStore(url)
    assert isinstance(caught.value, ImportError)
    assert caught.value.name == driver


def test_an_unknown_driver_and_a_strange_argument_are_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no driver 'mysql\+nonsense'"):
        SQLDataStore("mysql+nonsense://host/x")
    with pytest.raises(TypeError, match="an SQLConfig, a URL or an SQLAlchemy engine, not int"):
        SQLDataStore(5)  # type: ignore[arg-type]  # the point of the test
