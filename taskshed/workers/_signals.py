import signal

import anyio

_ENDINGS = (signal.SIGINT, signal.SIGTERM)


async def shutdown_requested(*signals: signal.Signals) -> signal.Signals:
    """Wait until the process is asked to end, by SIGINT or SIGTERM unless told otherwise; returns by which.

    While it waits, these signals do nothing else. Leave the block of a worker or scheduler then, and it ends in good
    order::

        async with taskshed.open_worker(url, callback_map):
            await taskshed.shutdown_requested()

    It works in the main thread only, and on Windows not on asyncio.
    """
    with anyio.open_signal_receiver(*(signals or _ENDINGS)) as received:
        async for number in received:
            return number
    raise AssertionError("signals do not end")
