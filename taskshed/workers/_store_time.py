"""The store's time as a worker knows it: the only time that decides what is due."""

from taskshed._clock import Clock, ClockOffset


class StoreTime:
    """Tells the store's wall instant from our monotonic clock, never ahead of the store."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        # Until the store has answered, its clock is taken to agree with ours, which need not be so.
        self._offset = ClockOffset(clock.now() - clock.monotonic())
        self._answered = False

    @property
    def lead(self) -> int:
        """How far the store's clock is ahead of ours, or a little less."""
        return self._offset.lead

    def now(self) -> int:
        """The store's wall instant, or a little less."""
        return self.clock.monotonic() + self._offset.lead

    def observe(self, *, sent: int, theirs: int, received: int) -> None:
        """Learn from one exchange; `sent` and `received` are monotonic instants."""
        if not self._answered:  # what was assumed may be ahead of the store, and a slow answer would not show it
            self._answered = True
            self._offset = ClockOffset(theirs - received)
        self._offset.observe(sent=sent, theirs=theirs, received=received)
