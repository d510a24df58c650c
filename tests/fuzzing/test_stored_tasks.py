"""Whatever has become of a stored task: it can be looked at, and a worker sets it aside or runs it."""

import logging
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, get_args

import pytest
from fuzzing.campaign import Campaign
from fuzzing.records import NOON, hostile_record, of_any_type
from manual_clock import ManualClock

from taskshed._broadcast import Broadcast
from taskshed._clock import from_micros
from taskshed._failures import MAX_ERROR_LENGTH, MAX_TRACEBACK_LENGTH
from taskshed._planning import NO_DEFAULTS, Outcome
from taskshed._records import Record, thaw
from taskshed.models import Task
from taskshed.schedules import _occurrences as occurrences_module
from taskshed.workers import _execution as execution_module
from taskshed.workers._callbacks import Callbacks
from taskshed.workers._execution import Ended, Execution
from taskshed.workers._reports import Reports
from taskshed.workers._store_time import StoreTime


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Nothing is logged, for to print it would take longer than all the rest."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_any_record_can_be_looked_at() -> None:
    with Campaign("thaw") as campaign:
        for chance in campaign:
            record = hostile_record(chance)
            if chance.random() < 0.2:
                record = of_any_type(chance, record)
            assert isinstance(thaw(record), Task)


async def plain() -> None: ...


async def typed(number: int, when: datetime, parts: list[Any], price: Decimal = Decimal(1)) -> None: ...


async def failing() -> None:
    raise ValueError("as it should \ud800\0")


async def extra(**kwargs: dict[str, Any]) -> None: ...


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_worker_comes_to_the_end_of_any_record(monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks = Callbacks({"plain": plain, "typed": typed, "failing": failing, "extra": extra})
    reports, time = Reports(Broadcast()), StoreTime(ManualClock(NOON))
    execution = Execution(callbacks, time, reports, NO_DEFAULTS, leave_unknown=False)
    monkeypatch.setattr(
        occurrences_module, "_MOST_COUNTED", 20
    )  # of what was missed, which would take most of the time
    chances: list[Random] = []
    monkeypatch.setattr(execution_module, "_chance", lambda: chances[0].random())  # noqa: PLW0108 - it is another each time
    with Campaign("run") as campaign:
        for chance in campaign:
            chances[:] = [chance]
            record = hostile_record(chance)
            if chance.random() < 0.1:
                record = of_any_type(chance, record)
            ended, interrupt = await execution.run(record)
            assert interrupt is None
            check_that_stores_can_keep(record, ended)


def check_that_stores_can_keep(record: Record, ended: Ended) -> None:
    """See that what was made of a record can be stored; what was left of it has been."""
    settlement = ended.settlement
    assert settlement.outcome in get_args(Outcome)
    assert settlement.progress == record.progress or len(settlement.progress or "") < 200
    if isinstance(settlement.error, str):
        # As what cannot be encoded takes more room.
        assert len(settlement.error) <= 10 * (MAX_ERROR_LENGTH + MAX_TRACEBACK_LENGTH)
        assert "\0" not in settlement.error
        settlement.error.encode()
    if settlement.outcome not in ("done", "failed", "released"):
        from_micros(settlement.run_at)
    if settlement.child is not None:
        assert isinstance(thaw(settlement.child), Task)
