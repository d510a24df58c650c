"""The store of a process under faults."""

from argparse import ArgumentParser, Namespace
from datetime import timedelta

from taskshed.datastores import DataStore, RedisConfig, RedisDataStore, SQLConfig, SQLDataStore


def seconds(text: str) -> timedelta:
    return timedelta(seconds=float(text))


def add_store_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url")
    parser.add_argument("--timeout", type=seconds, required=True, help="seconds that a server may take to answer")
    parser.add_argument("--backend", required=True)
    parser.add_argument("--log", required=True, help="a file for what it logs")


def a_store(options: Namespace) -> DataStore:
    if options.url.startswith("redis"):
        return RedisDataStore(RedisConfig(url=options.url, timeout=options.timeout))
    return SQLDataStore(SQLConfig(url=options.url, timeout=options.timeout))
