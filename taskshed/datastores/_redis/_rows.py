"""Between records and what the scripts keep: plain functions."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from taskshed._records import Record, describe_unreadable

_EXACT = 2**53  # from there on Lua's numbers, which are floats, are not exact any more
_NEVER = 10**18  # beyond what scripts take for an instant

Instant = int | float | str

Row = tuple[bytes, bytes, bytes | None, bytes | None]


class State(msgspec.Struct):
    """What a script keeps of a task that is not just waiting."""

    run_at: Instant
    token: int = 0
    attempts: int = 0
    paused_at: Instant | None = None
    leased_until: Instant | None = None
    cancelled_at: Instant | None = None
    failed_at: Instant | None = None
    error: str | None = None
    progress: str | None = None


_INSTANTS = ("paused_at", "leased_until", "cancelled_at", "failed_at")
_OTHERS = ("token", "attempts", "error", "progress")
_state_decoder = msgspec.msgpack.Decoder(State)


class Held(msgspec.Struct):
    """The claim in a state, which can be read whatever else is in it."""

    token: int = 0


_held_decoder = msgspec.msgpack.Decoder(Held)


def instant(micros: int) -> int | str:
    """An instant as a script can keep it."""
    return micros if -_EXACT < micros < _EXACT else str(micros)


def row_to_add(record: Record) -> list[Any]:
    """What the operation `add` takes of one task."""
    group = record.group_id or ""
    body = f"{len(group.encode())}:{group}{record.body}"
    state = {name: value for name in _OTHERS if (value := getattr(record, name)) not in (0, None)}
    state |= {name: instant(value) for name in _INSTANTS if (value := getattr(record, name)) is not None}
    return [record.task_id, body, record.group_id, instant(record.run_at), state or None]


def rows(values: Sequence[Any]) -> Iterator[Row]:
    """The rows in an answer."""
    return zip(*[iter(values)] * 4, strict=True)


def record_of(row: Row) -> Record:
    """The task in a row; one that somebody has spoilt comes back as failed, with the reason as its error."""
    task_id, text, score, packed = row
    record = Record(task_id=task_id.decode(errors="replace"), body="", run_at=0)
    try:
        if packed is not None:
            record.token = _held_decoder.decode(packed).token  # so that whoever has claimed it can set it aside
        task_id.decode()
        record.group_id, body = _apart(text)
        if packed is None and score is None:
            raise ValueError("it has no due time")
        state = State(run_at=(score or b"").decode()) if packed is None else _state_decoder.decode(packed)
        record.run_at = _micros(state.run_at)
        for name in _OTHERS:
            setattr(record, name, getattr(state, name))
        for name in _INSTANTS:
            value = getattr(state, name)
            setattr(record, name, None if value is None else _micros(value))
        if score is None and record.due is not None:
            raise ValueError("it has lost its due time")
        record.body = body  # only now, for a worker fails what has none
    except Exception as error:  # whatever is wrong with a row stays with that row
        record.failed_at, record.error = 0, describe_unreadable(error)
    return record


def due_or_none(value: Any) -> int | None:
    """A due time in an answer; one that will never come is none."""
    if value is None or float(value) >= _NEVER:
        return None
    return _micros(value) if float(value) > -_NEVER else -_NEVER


def earliest(values: Iterable[Any]) -> int | None:
    """The earliest of the due times in answers, if there is one."""
    return min((due for value in values if (due := due_or_none(value)) is not None), default=None)


def _apart(text: bytes) -> tuple[str | None, str]:
    size, _, rest = text.partition(b":")
    length = int(size)
    return rest[:length].decode() or None, rest[length:].decode()


def _micros(value: Instant | bytes) -> int:
    try:
        return int(value)
    except ValueError:  # a score that is no whole number, or a great one
        return int(float(value))
