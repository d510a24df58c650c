from taskshed._clock import ambient_clock
from taskshed.schedulers import AsyncScheduler
from taskshed.testing._virtual_clock import settle
from taskshed.testing._virtual_time import VirtualTime
from taskshed.workers._current import listening


async def run_due(scheduler: AsyncScheduler) -> None:
    """Run what is due now with the scheduler's worker, wait for its end, and raise what it raises.

    On a virtual clock that is all that has raised since time was last turned. On the machine's own, a run that the
    worker had begun by itself and that ended before this call has left its error with its task only.

    Raises:
        RuntimeError: the scheduler has no worker.
        NotRunningError: it is not running.
        BaseException: what a callback raised; of several, a group.
    """
    worker = scheduler.worker
    if worker is None:
        raise RuntimeError("this scheduler has no worker; open it with a callback_map, or with a worker")
    clock = ambient_clock()
    if isinstance(clock, VirtualTime):
        await settle(clock, 0)
        failures, clock.failures = clock.failures, []
    else:
        failures = []
        with listening(lambda callbacks, error: failures.append((callbacks, error))):
            await worker.work_off()
    errors = [error for callbacks, error in failures if callbacks is worker.callbacks]
    if len(errors) > 1:
        raise BaseExceptionGroup(f"{len(errors)} tasks failed", errors)
    for error in errors:
        raise error
