"""A worker is killed while others add tasks and run them."""

import sys
from collections import Counter

import pytest
from processes.crews import Crew, Member, a_crew
from processes.stores import stored
from servers._folder import comes_true

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


def runs_by(crew: Crew, member: Member) -> list[str]:
    return [run.task_id for run in crew.runs if run.pid == member.pid]


def test_nothing_is_lost_and_only_what_the_killed_one_had_begun_is_run_again(database: str) -> None:
    with a_crew() as crew:
        survivor = crew.start("work.py", database, "--backend", "trio")
        doomed = crew.start("work.py", database, "--lease", 2, "--manner", "hangs-now-and-then")
        crew.hear_from(2, "ready")
        adders = [crew.start("adding.py", database, backend) for backend in ("asyncio", "trio")]
        crew.hear_until(lambda: len(runs_by(crew, doomed)) >= 50)
        while_both_lived = Counter(run.task_id for run in crew.runs)
        doomed.kill()
        crew.hear_until(lambda: len(crew.runs) >= while_both_lived.total() + 200)
        for adder in adders:
            adder.ask_to_end()
        crew.hear_from(2, "done")
        assert comes_true(lambda: stored(database) == [])
        crew.end()
    begun_by_doomed, run_by_survivor = runs_by(crew, doomed), runs_by(crew, survivor)
    assert while_both_lived.most_common(1)[0][1] == 1
    assert max(Counter(run_by_survivor).values()) == 1
    assert set(begun_by_doomed) | set(run_by_survivor) == set(crew.added)
    assert set(begun_by_doomed[6::7]) <= set(run_by_survivor)  # it hung in every seventh
