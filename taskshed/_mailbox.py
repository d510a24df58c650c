"""Where messages wait for an actor. It is bounded: a full one makes the sender wait, and nothing is ever dropped."""

import math
from contextlib import suppress
from typing import Generic, TypeVar

import anyio

from taskshed._clock import ambient_clock
from taskshed.errors import NotRunningError

M = TypeVar("M")

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
