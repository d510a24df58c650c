"""A server to trouble, the same way whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import anyio
from servers._process import ServerProcess

from taskshed._clock import SystemClock
from taskshed.datastores import DataStore, RedisConfig, SQLConfig
from taskshed.datastores._hosted import HostedStorage

PASSWORD = "s3cret-pa55"
TOMORROW = datetime.now(UTC) + timedelta(days=1)
HOUR = timedelta(hours=1)


async def comes_true(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for it; a `TimeoutError` says that it was in vain."""
    with anyio.fail_after(seconds):
        while not await condition():  # noqa: ASYNC110 - it comes true on a server
            await anyio.sleep(0.02)


class Site(ABC):
    """A server of one test's own with a database that belongs to a user `ada` with a password.

    Attributes:
        place: what errors call it.
        refusals: what is said, by what is wrong: the password, the user, the database, permissions.
        read_only: what is said while it may only be read.
    """

    server: ServerProcess
    place: str
    refusals: ClassVar[dict[str, str]]
    read_only: ClassVar[str] = "read-only"

    @property
    def url(self) -> str:
        return self.url_with()

    @abstractmethod
    def url_with(self, **parts: Any) -> str:
        """Ada's URL of the database, with other parts."""

    @abstractmethod
    def config(self, **settings: Any) -> SQLConfig | RedisConfig: ...

    @abstractmethod
    def store(self, **settings: Any) -> DataStore: ...

    @abstractmethod
    def new_storage(self, **settings: Any) -> HostedStorage:
        """What is inside a store, where a call can be cancelled in its middle."""

    @asynccontextmanager
    async def storage(self, **settings: Any) -> AsyncIterator[HostedStorage]:
        storage = self.new_storage(**settings)
        await storage.open(SystemClock())
        try:
            yield storage
        finally:
            await storage.close()

    def ask_for_passwords(self) -> None:  # noqa: B027 - most do without being told
        """Have the server believe nobody but the administrator."""

    @abstractmethod
    async def let_in_guest(self) -> None:
        """Make a user `guest` with ada's password, who may look at everything and change nothing."""

    @abstractmethod
    async def connections(self) -> set[Any]:
        """Those of the stores under test."""

    @abstractmethod
    async def busy_connections(self) -> set[Any]:
        """Those of them that do something, or have a transaction open."""

    @abstractmethod
    async def hang_up_on(self, connection: Any) -> None: ...

    @abstractmethod
    async def set_read_only(self, value: bool) -> None: ...

    async def hang_up(self) -> None:
        """End all connections of the stores under test; those that they make then are others."""
        before = await self.connections()
        for connection in before:
            await self.hang_up_on(connection)

        async def are_gone() -> bool:
            return not before & await self.connections()

        await comes_true(are_gone)

    async def is_idle(self) -> None:
        """Wait until no connection does anything."""

        async def is_so() -> bool:
            return not await self.busy_connections()

        await comes_true(is_so)

    async def is_left(self) -> None:
        """Wait until there is no connection."""

        async def is_so() -> bool:
            return not await self.connections()

        await comes_true(is_so)
