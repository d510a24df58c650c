"""What one process adds is noticed by the worker of another."""

import pytest
from processes.crews import a_crew
from processes.stores import schedule_some

HOUR = 3600


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_added_by_one_process_is_noticed_by_the_worker_of_another(database: str, backend: str) -> None:
    # Neither a lease that runs out nor, where the server tells of changes, a look at the database finds it.
    options = ["--backend", backend, "--lease", HOUR]
    if database.startswith(("postgresql", "redis")):
        options += ["--poll-interval", HOUR]
    with a_crew() as crew:
        worker = crew.start("work.py", database, *options)
        task_ids: list[str] = []

        def all_have_run() -> bool:
            return len(crew.runs) == len(task_ids)

        for _ in range(3):  # the first may come before the worker's first look
            task_ids += schedule_some(database, 1)
            crew.hear_until(all_have_run)
        crew.end()
    assert [(run.task_id, run.pid) for run in crew.runs] == [(task_id, worker.pid) for task_id in task_ids]
