"""Whether there is an excuse for a second run of an occurrence; what counts as one is said in judge.py."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chaos.journal import Run, Span

REACTION = 0.1  # leases that a worker may take to end a callback
ARRIVAL = 0.25  # leases in which a settlement arrives if nothing is in its way
RECONNECTING = 0.2  # leases


class Troubles(NamedTuple):
    """What was done to whom.

    Attributes:
        lease, longest_pause: microseconds; the pause is that between two attempts of a worker at a store in trouble.
        deaths: when workers were killed, by their ids.
        stops: when they were stopped.
        cuts: when they were out of touch with the store.
    """

    lease: int
    longest_pause: int
    deaths: dict[int, int]
    stops: list[Span]
    cuts: list[Span]


class Twice(NamedTuple):
    """Two runs of an occurrence."""

    first: Run
    second: Run

    @property
    def overlaps(self) -> bool:
        return self.first.end is None or self.first.end > self.second.begun


def has_excuse(pair: Twice, troubles: Troubles) -> bool:
    first, second = pair
    if pair.overlaps:
        last_lease = Span(first.pid, second.begun - troubles.lease, second.begun)
        longest = max((overlap(stop, last_lease) for stop in troubles.stops if stop.pid == first.pid), default=0)
        return longest > REACTION * troubles.lease
    if first.how != "ended":
        return True
    assert first.end is not None
    away = [span for span in out_of_touch(first.pid, troubles) if span.begun <= second.begun and span.end >= first.end]
    return bool(away) and longest_gap(away, first.end, second.begun) < ARRIVAL * troubles.lease


def is_settled(run: Run, troubles: Troubles) -> bool:
    """Whether the end of a run must have come to the store before the lease ran out."""
    if run.how != "ended" or run.end is None:
        return False
    return longest_gap(out_of_touch(run.pid, troubles), run.end, run.end + troubles.lease) >= ARRIVAL * troubles.lease


def out_of_touch(pid: int, troubles: Troubles) -> list[Span]:
    """When a worker could not settle, or was only about to again."""
    merged: list[Span] = []
    for span in sorted((*troubles.stops, *troubles.cuts), key=lambda span: span.begun):
        if span.pid not in (pid, None):
            continue
        begun, end = span.begun, span.end
        if merged and begun <= merged[-1].end:  # one trouble, for the pauses go on getting longer
            last = merged.pop()
            begun, end = last.begun, max(end, last.end)
        pause = min(troubles.longest_pause, span.end - begun)
        merged.append(Span(pid, begun, max(end, span.end + pause + round(RECONNECTING * troubles.lease))))
    if pid in troubles.deaths:
        merged.append(Span(pid, troubles.deaths[pid], 2**63))
    return merged


def longest_gap(spans: Iterable[Span], begun: int, end: int) -> int:
    """The longest time from `begun` to `end` that is in none of these."""
    return max((gap.end - gap.begun for gap in gaps(spans, begun, end)), default=0)


def gaps(spans: Iterable[Span], begun: int, end: int) -> Iterator[Span]:
    """The times from `begun` to `end` that are in none of these."""
    covered = begun
    for span in sorted(spans, key=lambda span: span.begun):
        if covered < min(span.begun, end):
            yield Span(None, covered, min(span.begun, end))
        covered = max(covered, span.end)
    if covered < end:
        yield Span(None, covered, end)


def unmanned(ready: dict[int, int], troubles: Troubles, begun: int, end: int) -> list[Span]:
    """The times from `begun` to `end` in which there was no worker that could have done anything."""
    at_work: list[Span] = []
    for pid, since in ready.items():
        away = [span for span in (*troubles.stops, *troubles.cuts) if span.pid in (pid, None)]
        at_work += gaps(away, max(begun, since), min(end, troubles.deaths.get(pid, end)))
    return list(gaps(at_work, begun, end))


def overlap(one: Span, other: Span) -> int:
    """For how long both were so."""
    return max(0, min(one.end, other.end) - max(one.begun, other.begun))
