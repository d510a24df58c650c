"""What is printed of a store under faults."""

from collections.abc import Iterator

from chaos.excuses import Twice
from chaos.judge import PATIENCE, Recovery
from chaos.running import Outcome

MOST_SHOWN = 5
NOTES = {
    "sqlite": "no clock is stepped: SQLite has no other time than its machine's; and there is no server and no network",
}


def report(outcome: Outcome) -> str:
    """A table, and below it what should not have been."""
    rows = list(table(outcome))
    width = max(len(name) for name, _ in rows)
    lines = [outcome.store, *(f"  {name:<{width}}  {value}" for name, value in rows)]
    if outcome.store in NOTES:
        lines.append(f"  ({NOTES[outcome.store]})")
    return "\n".join([*lines, *(f"  ! {finding}" for finding in findings(outcome))])


def table(outcome: Outcome) -> Iterator[tuple[str, object]]:
    verdict, journal = outcome.verdict, outcome.journal
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(outcome.faults.items()))
    yield "faults injected", f"{outcome.faults.total()}: {kinds}"
    yield "calls refused meanwhile", journal.refused
    yield "occurrences expected", verdict.expected
    yield "occurrences run", verdict.expected - len(verdict.lost)
    yield "lost", len(verdict.lost)
    yield "left in the store", len(outcome.left)
    yield "run twice while their worker was alive", twice(verdict.twice)
    yield "run before their time", len(verdict.early)
    yield "runs in all", f"{len(journal.runs)}, of which {broken(outcome)} were broken off"
    yield "runs that could not be repeated with an excuse", verdict.strict
    yield "run again with an excuse", twice(verdict.excused)
    yield "event loops that stood still", standstills(outcome)
    yield "crashes recovered within", recoveries(outcome)


def twice(pairs: list[Twice]) -> str:
    if not pairs:
        return "0"
    overlapping = sum(pair.overlaps for pair in pairs)
    return f"{len(pairs)} ({overlapping} beside each other, {len(pairs) - overlapping} one after the other)"


def broken(outcome: Outcome) -> int:
    return sum(run.how == "broken" for run in outcome.journal.runs)


def standstills(outcome: Outcome) -> str:
    killed = outcome.troubles.stops
    own = [
        stall
        for stall in outcome.journal.stalls
        if not any(stop.pid == stall.pid and stop.begun < stall.end and stop.end > stall.begun for stop in killed)
    ]
    longest = max((stall.end - stall.begun for stall in own), default=0)
    return f"{len(own)}, at most {longest / 1e6:.2f} s" if own else "0"


def recoveries(outcome: Outcome) -> str:
    found = outcome.verdict.recoveries
    if not found:
        return "nobody was running anything when it was killed"
    slowest = max(found, key=lambda recovery: recovery.took - recovery.excused)
    allowed = PATIENCE * outcome.troubles.lease / 1e6
    return f"{_less_excuse(slowest)} ({len(found)} occurrences; {allowed:.2f} s are allowed)"


def findings(outcome: Outcome) -> Iterator[str]:
    """What should not have been."""
    verdict = outcome.verdict
    yield from outcome.complaints
    for occurrence in verdict.lost[:MOST_SHOWN]:
        yield f"lost: {occurrence.task_id} at {occurrence.run_at}"
    for task in outcome.left[:MOST_SHOWN]:
        yield f"left: {task.task_id} {task.status} at {task.run_at}, {task.error}"
    for pair in verdict.twice[:MOST_SHOWN]:
        yield f"twice: {_described(pair)}; {_troubles(pair, outcome)}"
    for run in verdict.early[:MOST_SHOWN]:
        yield f"early: {run.occurrence.task_id} at {run.occurrence.run_at} by {run.early / 1e6:.3f} s in {run.pid}"
    for recovery in verdict.too_slow[:MOST_SHOWN]:
        run = recovery.run
        yield f"recovered slowly: {run.occurrence.task_id} of {run.pid} after {_less_excuse(recovery)}"


def _described(pair: Twice) -> str:
    first, second = pair
    end = "went on" if first.end is None else f"{first.how} {(first.end - first.begun) / 1e6:.2f} s later"
    return (
        f"{first.occurrence.task_id} began in {first.pid} at {first.begun / 1e6:.2f} s and {end}; "
        f"it began in {second.pid} {(second.begun - first.begun) / 1e6:.2f} s after it (attempt {second.attempt})"
    )


def _troubles(pair: Twice, outcome: Outcome) -> str:
    """What was the matter while the first run went on, seconds after it began."""
    first, second = pair
    troubles = outcome.troubles
    met = [
        f"{span.what} from {(span.begun - first.begun) / 1e6:.2f} to {(span.end - first.begun) / 1e6:.2f} s"
        for span in (*troubles.stops, *troubles.cuts, *outcome.journal.stalls)
        if span.pid in (first.pid, None) and span.begun <= second.begun and span.end >= first.begun - troubles.lease
    ]
    return ", ".join(met) or "nothing was the matter"


def _less_excuse(recovery: Recovery) -> str:
    excuse = f" less {recovery.excused / 1e6:.2f} s in which it could not be" if recovery.excused else ""
    return f"{recovery.took / 1e6:.2f} s{excuse}"
