"""One connection, on which whatever is said is said once.

redis-py's clients say a command again when the connection breaks, although it may have been carried out: a claim
would then be made twice. So the connections are redis-py's, with all that it takes to make them, and what goes over
them is ours.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import anyio
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, ResponseError

from taskshed._loops import cancelled_once
from taskshed.datastores._redis._errors import LEAVE, code_of, trouble_on_the_way

T = TypeVar("T")
Command = tuple[Any, ...]

_CLOSING_PATIENCE = 2  # seconds for saying goodbye


async def within(
    patience: float | None, function: Callable[..., Coroutine[Any, Any, T]], *arguments: Any, sent: bool = False
) -> T:
    """Await what redis-py does with a server, in our terms.

    Args:
        patience: seconds that it may take; None is for ever.
        sent: whether something was said on the connection before.

    Raises:
        Trouble: it did not work.
    """
    try:
        with anyio.fail_after(patience):
            return await cancelled_once(function, *arguments)
    except Exception as error:
        if trouble := trouble_on_the_way(error, sent=sent):
            raise trouble from error
        raise


async def hang_up(connection: AbstractConnection) -> None:
    """Close a connection, whatever it says.

    It waits for the end, as a loop that ended before it would leave a socket open: TLS takes a while.
    """
    with anyio.move_on_after(_CLOSING_PATIENCE, shield=True), suppress(Exception):
        await cancelled_once(connection.disconnect)


class Line:
    """A connection to one server, made when it is needed, and dropped when it is in doubt.

    Args:
        make: makes a connection that is not connected yet.
        patience: seconds that the server may take for an answer.
    """

    def __init__(self, make: Callable[[], AbstractConnection], patience: float) -> None:
        self._make = make
        self._patience = patience
        self._connection: AbstractConnection | None = None
        self._sent = False
        self._turn = anyio.Lock(fast_acquire=True)

    async def call(self, *commands: Command) -> list[Any]:
        """Say all commands at once and return what is answered to each; a refusal is an answer too.

        Raises:
            Trouble: there was no answer.
        """
        async with self._turn:
            self._sent = False
            try:
                with anyio.fail_after(self._patience):
                    replies = await cancelled_once(self._converse, commands)
            except BaseException as error:
                # An answer that nobody waited for would be taken for the next one.
                await self.hang_up()
                if trouble := trouble_on_the_way(error, sent=self._sent):
                    raise trouble from error
                raise
            if any(isinstance(reply, ResponseError) and code_of(reply) in LEAVE for reply in replies):
                await self.hang_up()
        return replies

    async def hang_up(self) -> None:
        """Drop the connection; the next call makes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await hang_up(connection)

    async def _converse(self, commands: Sequence[Command]) -> list[Any]:
        connection = await self._connected()
        packed = connection.pack_commands(commands)
        self._sent = True
        await connection.send_packed_command(packed)
        return [await _reply(connection) for _ in commands]

    async def _connected(self) -> AbstractConnection:
        connection = self._connection
        if connection is not None and await _has_hung_up(connection):
            await connection.disconnect(nowait=True)
            connection = None
        if connection is None:
            connection = self._connection = self._make()
            await connection.connect()  # type: ignore[no-untyped-call]
        return connection


async def _reply(connection: AbstractConnection) -> Any:
    try:
        return await connection.read_response(disable_decoding=True, disconnect_on_error=False)
    except BusyLoadingError:  # a ConnectionError for redis-py: it says so to whatever it is asked
        raise
    except ResponseError as error:
        return error


async def _has_hung_up(connection: AbstractConnection) -> bool:
    """Whether the server has, so that no request need be lost to find out."""
    try:
        can_read = getattr(connection, "can_read", None) or connection.can_read_destructive  # before redis-py 8
        return bool(await can_read())
    except Exception:  # whatever it is, that connection is of no use
        return True
