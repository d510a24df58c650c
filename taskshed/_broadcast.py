"""Telling whoever listens, and never waiting for anybody: who is too slow misses some, and is told how many."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import anyio

from taskshed._clock import ambient_clock, from_micros
from taskshed.events import Event, EventsMissed


class Events(AsyncIterator[Event]):
    """What has happened since one began to listen, in order; it ends when who tells it has ended."""

    def __init__(self, size: int) -> None:
        self._sender, self._receiver = anyio.create_memory_object_stream[Event](size)
        self._missed = 0

    def __repr__(self) -> str:
        statistics = self._receiver.statistics()
        return f"<Events waiting={statistics.current_buffer_used} missed={self._missed}>"

    async def __anext__(self) -> Event:
        if self._missed and not self._receiver.statistics().current_buffer_used:
            return self._tell_missed()
        try:
            return await self._receiver.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            raise StopAsyncIteration from None

    def take(self, event: Event) -> None:
        """One more, if there is room."""
        if self._missed:
            with suppress(anyio.WouldBlock):
                self._sender.send_nowait(EventsMissed(at=present(), count=self._missed))
                self._missed = 0
        try:
            self._sender.send_nowait(event)
        except anyio.WouldBlock:
            self._missed += 1

    def end(self) -> None:
        """There are no more."""
        self._sender.close()

    def close(self) -> None:
        """Nobody listens any more."""
        self.end()
        self._receiver.close()

    def _tell_missed(self) -> EventsMissed:
        missed, self._missed = self._missed, 0
        return EventsMissed(at=present(), count=missed)


class Broadcast:
    """Where events are told."""

    def __init__(self) -> None:
        self._listeners: set[Events] = set()

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens; if not, an event need not even be made."""
        return bool(self._listeners)

    def tell(self, event: Event) -> None:
        """Tell all who listen."""
        for listener in self._listeners:
            listener.take(event)

    @contextmanager
    def listening(self, size: int) -> Iterator[Events]:
        """Listen while the block lasts; up to `size` events wait."""
        events = Events(size)
        self._listeners.add(events)
        try:
            yield events
        finally:
            self._listeners.discard(events)
            events.close()

    def end(self) -> None:
        """Let all who listen come to an end."""
        while self._listeners:
            self._listeners.pop().end()


def present() -> datetime:
    """The moment of an event."""
    return from_micros(ambient_clock().now())
