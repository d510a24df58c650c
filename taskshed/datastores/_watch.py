"""Noticing what others do to a datastore, and going on to notice it however often that breaks."""

import logging
import random
from collections.abc import Awaitable, Callable

import anyio

from taskshed._clock import ambient_clock, sleep_until
from taskshed.datastores._base import Storage
from taskshed.datastores.commands import Change

logger = logging.getLogger("taskshed")

_AGAIN = 1_000_000


class Watch:
    """Whether changes made elsewhere are noticed: said once when not, and once when again.

    Attributes:
        tried: set as soon as that is known.
    """

    def __init__(self, storage: Storage, name: str, tell: Callable[[Change], Awaitable[None]]) -> None:
        self.scope = anyio.CancelScope()
        self.tried = anyio.Event()
        self._storage = storage
        self._name = name
        self._tell = tell
        self._broken = False

    async def run(self) -> None:
        """Watch until `scope` is cancelled, or for as long as there is anybody to watch."""
        clock = ambient_clock()
        with self.scope:
            while True:
                try:
                    await self._storage.watch(self._notice)
                    return self.tried.set()
                except Exception as error:  # a watch that broke is begun again, nothing else suffers
                    self._failed(error)
                pause = round(_AGAIN * random.uniform(0.5, 1))  # noqa: S311 - it spreads retries, it guards nothing
                await sleep_until(clock, clock.monotonic() + pause)

    async def _notice(self, change: Change | None) -> None:
        self.tried.set()
        if self._broken:
            self._broken = False
            logger.info("Changes made elsewhere are noticed again")
        if change is not None:
            await self._tell(change)

    def _failed(self, error: Exception) -> None:
        self.tried.set()
        if not self._broken:
            self._broken = True
            logger.warning("%s cannot watch for changes made elsewhere, trying until it can: %s", self._name, error)
