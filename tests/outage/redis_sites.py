"""A Redis or Valkey server, and what administrators tell it."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from anyio import to_thread
from outage.sites import PASSWORD, Site
from servers._process import free_port
from servers._redis import RedisServer

from taskshed.datastores import RedisConfig, RedisDataStore
from taskshed.datastores._hosted import HostedStorage
from taskshed.datastores._redis._storage import RedisStorage


class RedisSite(Site):
    """A server on which ada may do everything. The administrator comes in through its socket, without a password."""

    refusals: ClassVar[dict[str, str]] = {
        "the password": "WRONGPASS",
        "the user": "WRONGPASS",
        "the database": "index is out of range",
        "permissions": "NOPERM",
    }
    read_only = "read only"

    def __init__(self, server: RedisServer) -> None:
        self.server: RedisServer = server
        self.place = f"127.0.0.1:{server.port}/0"
        self.add_user("ada", "~*", "&*", "+@all")

    def url_with(self, **parts: Any) -> str:
        found = {"username": "ada", "password": PASSWORD, "host": "127.0.0.1", "port": self.server.port, "database": 0}
        return "redis://{username}:{password}@{host}:{port}/{database}".format(**(found | parts))

    def config(self, **settings: Any) -> RedisConfig:
        return RedisConfig(**({"url": self.url} | settings))

    def store(self, **settings: Any) -> RedisDataStore:
        return RedisDataStore(self.config(**settings))

    def new_storage(self, **settings: Any) -> HostedStorage:
        return HostedStorage(RedisStorage(self.config(**settings)))

    def add_user(self, name: str, *rules: str) -> None:
        """Let in a user with ada's password, who may do that; also after the server was started again."""
        words = ("on", f">{PASSWORD}", *rules)
        self.server.execute("ACL", "SETUSER", name, *words)
        self.server.configure(f"user {name} {' '.join(words)}")

    async def execute(self, *words: str | int) -> Any:
        """Run a command as the administrator."""
        return await to_thread.run_sync(partial(self.server.execute, *words))

    async def let_in_guest(self) -> None:
        self.add_user("guest", "~*", "&*", "+@all", "-@write")

    async def connections(self) -> set[Any]:
        return await self._clients(lambda client: True)

    async def busy_connections(self) -> set[Any]:
        return await self._clients(lambda client: not {"b", "x"}.isdisjoint(client["flags"]))

    async def listeners(self) -> set[Any]:
        """Those of them that listen."""
        return await self._clients(lambda client: "P" in client["flags"])

    async def port_of(self, connection: Any) -> int:
        """Where a connection comes from."""
        (client,) = [client for client in await self._list() if client["id"] == connection]
        return int(client["addr"].rpartition(":")[2])

    async def hang_up_on(self, connection: Any) -> None:
        await self.execute("CLIENT", "KILL", "ID", connection)

    async def set_read_only(self, value: bool) -> None:
        """Make it the replica of a master that cannot be reached, or a master again; it keeps its data."""
        await self.execute("REPLICAOF", *(("127.0.0.1", free_port()) if value else ("NO", "ONE")))

    async def _clients(self, choose: Callable[[dict[str, str]], bool]) -> set[Any]:
        return {client["id"] for client in await self._list() if client["user"] == "ada" and choose(client)}

    async def _list(self) -> list[dict[str, str]]:
        text = await self.execute("CLIENT", "LIST")
        return [dict(part.partition("=")[::2] for part in line.split()) for line in text.splitlines()]
