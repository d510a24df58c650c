"""How the fields that say when a task repeats fit together."""

from datetime import timedelta
from typing import Any

from taskshed.schedules import Cron, Interval, Schedule

_ONLY_RECURRING: dict[str, Any] = {"overlap": "skip", "end_at": None, "max_runs": None, "fixed_delay": False}


def schedule_of(interval: object, cron: object, timezone: object) -> Schedule | None:
    """The schedule that was meant; None for a one-off.

    Raises:
        TypeError, ValueError: two were meant, or one that cannot be; the message names the field.
    """
    if interval is not None and cron is not None:
        raise ValueError(f"interval={interval!r} and cron={cron!r} were both given; a task has one of them")
    if timezone is not None and cron is None:
        raise ValueError(f"timezone={timezone!r} was given without cron, and only a cron schedule has one")
    if cron is not None:
        return Cron(cron, "UTC" if timezone is None else timezone)  # type: ignore[arg-type]  # it checks them
    if interval is not None:
        return Interval(interval)  # type: ignore[arg-type]  # so does this
    return None


def check_recurrence(task: Any) -> None:
    """Refuse what a one-off cannot have, what a recurring task needs, and what does not go together.

    Raises:
        ValueError: the message names the fields.
    """
    if task.run_type == "once":
        for name in ("interval", "cron"):
            if getattr(task, name) is not None:
                raise ValueError(f"{name} was given with run_type='once'; leave run_type out, or say 'recurring'")
        for name, default in _ONLY_RECURRING.items():
            if getattr(task, name) != default:
                raise ValueError(f"{name}={getattr(task, name)!r} needs a recurring task, one with interval or cron")
    elif task.interval is None and task.cron is None:
        example = f"interval={timedelta(minutes=5)!r} or cron='30 2 * * *'"
        raise ValueError(f"a recurring task needs an interval or a cron expression, for example {example}")
    if task.fixed_delay:
        if task.cron is not None:
            raise ValueError(f"fixed_delay counts an interval from the end of a run; cron={task.cron!r} has none")
        if task.overlap == "allow":
            raise ValueError("fixed_delay lets a run begin after the last has ended; overlap='allow' says otherwise")
