"""What a field may hold: each check takes the field's name and a value, and raises an error that names both."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import get_args

from taskshed._clock import from_micros

Check = Callable[[str, object], None]

MAX_NAME_LENGTH = 255


def in_utc(name: str, moment: object) -> datetime:
    """`moment` in UTC; a naive one is local time.

    Raises:
        TypeError: it is no datetime.
        ValueError: it lies outside the years 1 to 9999 once in UTC.
    """
    if not isinstance(moment, datetime):
        raise TypeError(f"{name} must be a datetime, not {moment!r}")
    try:
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC)
        # Before Python 3.12 astimezone() takes an hour off a local time in the gap of a time change; this does not.
        seconds = int(moment.replace(microsecond=0).timestamp())
        return from_micros(seconds * 1_000_000 + moment.microsecond)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{name} is out of range in UTC: {moment!r}") from error


def check_name(name: str, value: object) -> None:
    """Refuse what cannot be an id, a group or a callback name."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {value!r}")
    if not value:
        raise ValueError(f"{name} must not be empty")
    if len(value) > MAX_NAME_LENGTH:
        raise ValueError(f"{name} has {len(value)} characters, at most {MAX_NAME_LENGTH} are allowed: {value[:40]!r}…")
    if "\0" in value:
        raise ValueError(f"{name} must not hold the character NUL, which PostgreSQL cannot keep: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} is not valid Unicode text: {value!r}") from error


def optional(check: Check) -> Check:
    """Let None pass, and whatever `check` does."""

    def check_unless_none(name: str, value: object) -> None:
        if value is not None:
            check(name, value)

    return check_unless_none


def one_of(literal: object) -> Check:
    """Refuse what is not among the values of a `Literal`."""
    *others, last = map(repr, get_args(literal))
    choices = f"{', '.join(others)} or {last}"

    def check_choice(name: str, value: object) -> None:
        if not isinstance(value, str) or value not in get_args(literal):
            raise ValueError(f"{name} must be {choices}, not {value!r}")

    return check_choice


def check_bool(name: str, value: object) -> None:
    """Refuse what is neither True nor False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")


def whole(least: int) -> Check:
    """Refuse what is no whole number from `least` up."""

    def check_whole(name: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{name} must be an int, not {value!r}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")

    return check_whole


def check_text(name: str, value: object) -> None:
    """Refuse what is no text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str or None, not {value!r}")


def check_duration(name: str, value: object) -> None:
    """Refuse what is no duration, or one that leads back."""
    if not isinstance(value, timedelta):
        raise TypeError(f"{name} must be a timedelta, not {value!r}")
    if value < timedelta(0):
        raise ValueError(f"{name} must not be negative, as {value!r} is")


def duration(least: timedelta) -> Check:
    """Refuse what is no duration, or one that is shorter than `least`."""

    def check_length(name: str, value: object) -> None:
        if not isinstance(value, timedelta):
            raise TypeError(f"{name} must be a timedelta, not {value!r}")
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")

    return check_length


def check_grace(name: str, value: object) -> None:
    """Refuse what is no duration, or none at all, for no run begins without the least delay."""
    check_duration(name, value)
    if value == timedelta(0):
        raise ValueError(f"{name} must be more than nothing, or every run would be skipped; None skips none")


def check_kwargs(name: str, value: object) -> None:
    """Refuse what are no arguments by name."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must map argument names to values, not {value!r}")
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{name} has the key {key!r}; argument names are str")
