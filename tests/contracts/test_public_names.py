"""What is public, and what it costs to import."""

import importlib
import subprocess
import sys

import pytest

import taskshed.datastores

PUBLIC = {
    "taskshed": [
        "Callback",
        "DatastoreError",
        "DatastoreFormatError",
        "DatastoreUnavailableError",
        "IncorrectCallbackNameError",
        "MissingDriverError",
        "NotRunningError",
        "Occurrence",
        "RetryPolicy",
        "Task",
        "TaskExecutionTime",
        "TaskNotFoundError",
        "TaskShedError",
        "current_occurrence",
        "open_scheduler",
        "open_worker",
        "shutdown_requested",
    ],
    "taskshed.datastores": [
        "DataStore",
        "InMemoryDataStore",
        "RedisConfig",
        "RedisDataStore",
        "SQLConfig",
        "SQLDataStore",
        "Storage",
    ],
    "taskshed.schedulers": ["AsyncScheduler"],
    "taskshed.schedules": ["Cron", "Interval", "Schedule"],
    "taskshed.testing": ["VirtualClock", "assert_not_scheduled", "assert_scheduled", "run_due", "virtual_clock"],
    "taskshed.testing.conformance": ["StoreConformance"],
    "taskshed.workers": [
        "Callback",
        "EventDrivenWorker",
        "PollingWorker",
        "Worker",
        "WorkerSettings",
        "WorkerStatistics",
        "current_occurrence",
        "shutdown_requested",
    ],
}


@pytest.mark.parametrize("name", PUBLIC)
def test_a_package_exports_these_names_and_no_others(name: str) -> None:
    package = importlib.import_module(name)
    assert sorted(package.__all__) == PUBLIC[name]
    for exported in package.__all__:
        assert getattr(package, exported).__doc__ or exported == "Callback"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'MongoDataStore'"):
        taskshed.datastores.MongoDataStore  # noqa: B018


def test_importing_taskshed_loads_no_driver_and_no_event_loop_but_asyncios() -> None:
    program = "import sys, taskshed; print(*sorted(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", program]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "taskshed" in loaded
    drivers = {"sqlalchemy", "sqlite3", "redis", "asyncpg", "asyncmy", "trio", "uvloop", "pytest"}
    assert drivers.isdisjoint(loaded)
