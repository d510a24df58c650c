"""The leases of one worker: when to renew them, and when to believe in them no longer.

A lease is given by the store's clock, which the worker does not see. But it cannot have begun before the request was
sent, so it does not end before one lease's length after that moment, by our own clock. All instants here are monotonic:
to set a worker's wall clock does not matter.

::

    sent          a third later       a tenth before the end        the end
     ├──────────────────┼──────────────────────────┼───────────────────┤
     │                  └ renewed, again and again └ given up: what    └ others may
     │                    until that succeeds        it is for is cancelled  claim it
"""

from collections.abc import Iterable

from taskshed.datastores.commands import Lease, Renew


class Leases:
    """What a worker holds; `length` is that of a lease."""

    def __init__(self, length: int, now: int) -> None:
        self.length = length
        self._trusted = length - length // 10
        self._until: dict[Lease, int] = {}
        self._renew_at = now
        self._first_loss: int | None = None  # not later than the first of `_until`

    def __len__(self) -> int:
        return len(self._until)

    def holds(self, lease: Lease, now: int) -> bool:
        """Whether nobody else can have it yet."""
        return self._until.get(lease, now) > now

    def would_be_lost(self, sent: int, now: int) -> bool:
        """Whether what was claimed by a request that was sent then is too old already."""
        return now >= sent + self._trusted

    def take(self, leases: Iterable[Lease], sent: int) -> None:
        """They were claimed by a request that was sent then."""
        if not self._until:
            self._renew_at = sent + self.length // 3
            self._first_loss = sent + self._trusted
        self._trust(leases, sent)

    def drop(self, lease: Lease) -> None:
        """It is not needed any more."""
        self._until.pop(lease, None)

    def renewal(self, now: int) -> Renew | None:
        """What to ask of the datastore now, if anything; it counts as sent."""
        if not self._until or now < self._renew_at:
            return None
        self._renew_at = now + self.length // 3
        return Renew(tuple(self._until), self.length)

    def renewed(self, command: Renew, stale: Iterable[Lease], sent: int) -> None:
        """A renewal has been answered; what is stale was taken away by a user, who lets its run go on."""
        for lease in stale:
            self.drop(lease)
        self._trust([lease for lease in command.leases if lease in self._until], sent)
        self._first_loss = min(self._until.values(), default=None)

    def renew_soon(self, now: int) -> None:
        """Let the next renewal be due now."""
        self._renew_at = now

    def lost(self, now: int) -> list[Lease]:
        """Those that cannot be relied on any more; they are dropped."""
        if self._first_loss is None or now < self._first_loss:
            return []
        lost = [lease for lease, until in self._until.items() if until <= now]
        for lease in lost:
            del self._until[lease]
        self._first_loss = min(self._until.values(), default=None)
        return lost

    @property
    def renew_at(self) -> int | None:
        """When the next renewal is due."""
        return self._renew_at if self._until else None

    @property
    def look_at(self) -> int | None:
        """When to ask what is lost, at the latest."""
        return self._first_loss if self._until else None

    def _trust(self, leases: Iterable[Lease], sent: int) -> None:
        self._until.update(dict.fromkeys(leases, sent + self._trusted))
