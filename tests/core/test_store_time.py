from manual_clock import ManualClock

from taskshed.workers._store_time import StoreTime


def test_the_clock_of_the_machine_is_believed_until_the_store_has_answered() -> None:
    clock = ManualClock()
    assert StoreTime(clock).now() == clock.now()


def test_a_slow_first_answer_does_not_leave_a_worker_ahead_of_its_store() -> None:
    clock = ManualClock()
    time = StoreTime(clock)
    behind = clock.now() - 2_000_000  # the store's clock, when it was read three seconds after it was asked
    time.observe(sent=0, theirs=behind + 3_000_000, received=3_000_000)
    assert time.now() == behind
