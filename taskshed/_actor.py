"""Mailboxes, ask and tell. Nothing here knows what a task is.

An actor is a coroutine that owns some state and a `Mailbox`; whoever wants something of it sends a
message. `tell` leaves one there, `ask` leaves it in a `Request` and waits for the reply. Mailboxes are
bounded: a full one makes the sender wait, and nothing is ever dropped.

A request whose asker was cancelled is *abandoned*: one that was not begun is skipped, one that was is
carried through and its reply goes to nobody. So a cancelled call either happened or did not.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

import anyio

from taskshed._clock import ambient_clock
from taskshed.errors import NotRunningError

M = TypeVar("M")
R = TypeVar("R")

_CLOSED = "it was shut down"


class Mailbox(Generic[M]):
    """A bounded queue of messages to one actor.

    It holds the clock for a message from when that is told until its actor, having dealt with it, comes for more; and
    from the beginning until the actor comes for the first time.
    """

    def __init__(self, capacity: int) -> None:
        self._sender, self._receiver = anyio.create_memory_object_stream[M](capacity)
        self._bell = anyio.Event()  # to wait for the stream itself costs another turn of the event loop
        self._closed = False
        self._offered = 0  # of the messages in the stream, how many hold the clock; not those of senders that waited
        self._clock = ambient_clock()
        self._in_hand = 0
        self._be_busy()

    def offer(self, message: M) -> bool:
        """Leave a message, and return True, unless the mailbox is full.

        Raises:
            NotRunningError: the mailbox was closed.
        """
        try:
            self._sender.send_nowait(message)
        except anyio.WouldBlock:
            return False
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            raise NotRunningError(_CLOSED) from None
        self._clock.hold()
        self._offered += 1
        self._bell.set()
        return True

    async def tell(self, message: M) -> None:
        """Leave a message, waiting while the mailbox is full.

        Raises:
            NotRunningError: the mailbox was closed.
        """
        if self.offer(message):
            return
        try:
            await self._sender.send(message)
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            raise NotRunningError(_CLOSED) from None
        self._bell.set()

    async def receive(self, limit: float = math.inf, until: int | None = None) -> list[M]:
        """Up to `limit` messages that are waiting, at least one.

        An empty list once the mailbox is closed and empty, or at the monotonic instant `until`, and not before it.
        """
        # In a loop, for some event loops' timers fire early, and nothing may happen before its time.
        while not (messages := self.receive_nowait(limit)) and not self._closed:
            if until is not None and self._clock.monotonic() >= until:
                self._be_busy()
                break
            await self._wait(until)
        return messages

    def receive_nowait(self, limit: float = math.inf) -> list[M]:
        """Up to `limit` messages that are waiting, perhaps none."""
        messages: list[M] = []
        with suppress(anyio.WouldBlock, anyio.EndOfStream, anyio.ClosedResourceError):
            while len(messages) < limit:
                messages.append(self._receiver.receive_nowait())
        self._clock.hold(max(0, len(messages) - self._offered))
        self._offered = max(0, self._offered - len(messages))
        self._in_hand += len(messages)
        return messages

    def close(self) -> None:
        """Take no more messages; what is waiting can still be received."""
        self._closed = True
        self._sender.close()
        self._bell.set()

    def discard(self) -> list[M]:
        """Close for good and return what nobody will receive now."""
        self.close()
        left = self.receive_nowait()
        self._receiver.close()
        self._clock.release(self._in_hand)
        self._in_hand = 0
        return left

    async def _wait(self, until: int | None) -> None:
        """Let go of the clock, and wait for the bell, or until then."""
        in_hand, self._in_hand = self._in_hand, 0
        if self._clock.release(in_hand, until=until):
            self._in_hand = 1
            return
        if self._bell.is_set():
            self._bell = anyio.Event()
        if until is None:
            await self._bell.wait()
            return
        with self._clock.move_on_at(until):
            try:
                await self._bell.wait()
            finally:
                self._be_busy()

    def _be_busy(self) -> None:
        """Hold the clock until the actor comes again."""
        if not self._in_hand:
            self._clock.hold()
            self._in_hand = 1


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
