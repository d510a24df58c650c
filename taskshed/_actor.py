"""Ask, and serve who asks. Nothing here knows what a task is.

An actor is a coroutine that owns some state and a `Mailbox`; whoever wants something of it sends a message. `ask`
leaves it there in a `Request` and waits for the reply.

A request whose asker was cancelled is *abandoned*: one that was not begun is skipped, one that was is
carried through and its reply goes to nobody. So a cancelled call either happened or did not.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

from taskshed._mailbox import Mailbox
from taskshed.errors import NotRunningError

M = TypeVar("M")
R = TypeVar("R")


class Request(Generic[M, R]):
    """A message with a slot for its reply."""

    __slots__ = ("_done", "_error", "_reply", "abandoned", "message")

    _reply: R

    def __init__(self, message: M) -> None:
        self.message = message
        self.abandoned = False
        self._done = anyio.Event()
        self._error: BaseException | None = None

    def reply(self, reply: R) -> None:
        """Answer the asker."""
        self._reply = reply
        self._done.set()

    def fail(self, error: BaseException) -> None:
        """Raise `error` at the asker, unless it was answered before."""
        if not self._done.is_set():
            self._error = error
            self._done.set()

    @property
    def answered(self) -> bool:
        """Whether there is a reply that could be had without waiting."""
        return self._done.is_set() and self._error is None

    async def outcome(self) -> R:
        """Wait for the reply."""
        await self._done.wait()
        if self._error is not None:
            raise self._error
        return self._reply


async def ask(
    mailbox: Mailbox[Request[M, R]], message: M, undelivered: Callable[[R], Awaitable[None]] | None = None
) -> R:
    """Send a message and wait for its reply.

    If the asker is cancelled at the very moment it is answered, `undelivered` takes the reply. The actor sees to one
    that comes later, by `Request.abandoned`.

    Raises:
        NotRunningError: the actor was shut down.
        Exception: whatever the actor answered with.
    """
    request: Request[M, R] = Request(message)
    await mailbox.tell(request)
    try:
        return await request.outcome()
    except anyio.get_cancelled_exc_class():
        request.abandoned = True
        if request.answered and undelivered is not None:
            with anyio.CancelScope(shield=True):
                await undelivered(await request.outcome())
        raise


async def serve(
    mailbox: Mailbox[Request[M, R]],
    handle: Callable[[list[Request[M, R]]], Awaitable[None]],
    limit: float = math.inf,
) -> None:
    """Hand each batch of up to `limit` waiting requests to `handle` until the mailbox is closed and empty.

    Several may serve one mailbox. However this ends, no asker is left waiting.
    """
    batch: list[Request[M, R]] = []
    try:
        while batch := await mailbox.receive(limit):
            batch = [request for request in batch if not request.abandoned]
            if batch:
                await handle(batch)
    finally:
        for request in [*batch, *mailbox.discard()]:
            request.fail(NotRunningError("it was shut down before this was done"))
