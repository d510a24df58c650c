"""The plan of faults."""

from itertools import pairwise

import pytest
from chaos.plan import SERVER_KINDS, SQLITE_KINDS, plan

LEASE = 2.0


def test_the_same_seed_makes_the_same_plan() -> None:
    assert plan(7, "postgresql", 60, LEASE, 4) == plan(7, "postgresql", 60, LEASE, 4)
    assert plan(7, "postgresql", 60, LEASE, 4) != plan(8, "postgresql", 60, LEASE, 4)
    assert plan(7, "postgresql", 60, LEASE, 4) != plan(7, "mariadb", 60, LEASE, 4)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("lane", ["workers", "server"])
def test_in_a_lane_one_fault_follows_another(seed: int, lane: str) -> None:
    faults = [fault for fault in plan(seed, "valkey", 60, LEASE, 4) if fault.lane == lane]
    assert all(one.at + one.seconds < other.at for one, other in pairwise(faults))
    assert faults[-1].at + faults[-1].seconds <= 60


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("store", "kinds"), [("sqlite", SQLITE_KINDS), ("postgresql", SERVER_KINDS)])
def test_in_a_minute_each_kind_of_fault_comes(seed: int, store: str, kinds: tuple[tuple[str, ...], ...]) -> None:
    faults = plan(seed, store, 60, LEASE, 4)
    assert {fault.kind for fault in faults} == {kind[0] for kind in kinds}
    assert {fault.victim for fault in faults} == set(range(4))


def test_workers_are_stopped_for_three_leases() -> None:
    stops = [fault for fault in plan(7, "sqlite", 60, LEASE, 4) if fault.kind == "stop"]
    assert stops
    assert {fault.seconds for fault in stops} == {3 * LEASE}


def test_a_run_too_short_for_any_fault_has_none() -> None:
    assert plan(7, "postgresql", 0.5, LEASE, 4) == []
