"""Connections for one kind of work, to each of the servers that have the shards."""

from contextlib import suppress
from typing import Any, NamedTuple

from taskshed.datastores._redis._errors import first_error, refusal, trouble_on_the_way
from taskshed.datastores._redis._lines import Command, Line, within
from taskshed.datastores._redis._scripts import Keys, keys_of
from taskshed.datastores._redis._servers import Servers
from taskshed.datastores._trouble import Trouble


class Namespace(NamedTuple):
    """Whose keys these are, and who speaks.

    Attributes:
        prefix: that of all keys.
        origin: says who asks, so that we do not tell ourselves.
        publish: the command for notices.
    """

    prefix: str
    origin: str
    publish: str = "PUBLISH"

    def keys(self, shard: int) -> Keys:
        """The keys of a shard."""
        return keys_of(self.prefix, shard)


class Lane:
    """The lines for one kind of work, at most one to each server.

    Args:
        patience: seconds that a server may take for an answer.
    """

    def __init__(self, servers: Servers, namespace: Namespace, patience: float) -> None:
        self._servers = servers
        self._patience = patience
        self._lines: dict[str, Line] = {}
        self.namespace = namespace

    async def call(self, shard: int, *commands: Command) -> list[Any]:
        """Say commands to the server of a shard, none of which may be refused.

        Raises:
            Trouble: one was, or there was no answer.
        """
        await self.look()
        try:
            replies = await self.line(shard).call(*commands)
        except Trouble:
            self.doubt()
            raise
        error = first_error(replies)
        if error is not None:
            raise refusal(error) from error
        return replies

    def line(self, shard: int) -> Line:
        """The line to the server that has a shard.

        Raises:
            Trouble: none has.
        """
        try:
            node = self._servers.node(self.namespace.keys(shard).due)
        except Exception as error:
            raise trouble_on_the_way(error, sent=False) or error from error
        line = self._lines.get(node.name)
        if line is None:
            line = self._lines[node.name] = Line(node.make, self._patience)
        return line

    def doubt(self) -> None:
        """Something may have moved: look before the next call."""
        self._servers.in_doubt = True

    async def look(self) -> None:
        """Find out where the shards are, if that is in doubt."""
        if self._servers.in_doubt:
            with suppress(Exception):  # then it is tried as it is
                await within(self._patience, self._servers.look)

    async def close(self) -> None:
        """Hang up."""
        lines, self._lines = self._lines, {}
        for line in lines.values():
            await line.hang_up()
