"""A manual clock that counts who holds it."""

from collections import Counter

from manual_clock import ManualClock


class CountingClock(ManualClock):
    """Notes what is under way; with `jumps`, time jumps to whoever waits for one while nothing else is."""

    def __init__(self, *, jumps: bool = False) -> None:
        super().__init__()
        self.held = 0
        self.runs: Counter[object] = Counter()
        self._jumps = jumps

    def hold(self, number: int = 1, run: object = None) -> None:
        self.held += number
        if run is not None:
            self.runs[run] += number

    def release(self, number: int = 1, run: object = None, until: int | None = None) -> bool:
        self.held -= number
        if run is not None:
            self.runs[run] -= number
        assert self.held >= 0
        assert min(self.runs.values(), default=0) >= 0
        if not self._jumps or self.held or until is None:
            return False
        self._monotonic = max(self._monotonic, until)
        self.held += 1
        return True
