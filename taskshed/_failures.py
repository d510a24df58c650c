"""What is kept of a failure: its text and its traceback, as one text that stores do not look into."""

import traceback
from types import TracebackType

MAX_ERROR_LENGTH = 10_000
MAX_TRACEBACK_LENGTH = 20_000

_BETWEEN = "\x1e"  # ASCII's record separator


def describe_failure(callback: str, error: BaseException) -> str:
    """The text that is kept of an exception."""
    try:
        reason = str(error)
    except Exception:  # a broken __str__ is the callback's affair
        reason = "(its text cannot be had)"
    return f"callback {callback!r}: {type(error).__name__}: {reason}"


def traceback_of(error: BaseException) -> str:
    """Where an exception was raised, as Python prints it, from the callback on."""
    try:
        return "".join(traceback.format_exception(type(error), error, _from_callback_on(error.__traceback__)))
    except Exception:  # it may hold anything
        return ""


def joined(error: str, trace: str = "") -> str:
    """What to store: not too long, valid Unicode, and without NUL, so that every store can keep it.

    Of a long traceback the end is kept, for that is where it happened.
    """
    text = _storable(error[:MAX_ERROR_LENGTH])
    return f"{text}{_BETWEEN}{_storable(trace[-MAX_TRACEBACK_LENGTH:])}" if trace else text


def apart(stored: str | None) -> tuple[str | None, str | None]:
    """The text and the traceback, as far as there are any."""
    if stored is None:
        return None, None
    error, _, trace = stored.partition(_BETWEEN)
    return error, trace or None


def _storable(text: str) -> str:
    clean = text.replace("\0", "\\x00").replace(_BETWEEN, "\\x1e")
    return clean.encode(errors="backslashreplace").decode()


def _from_callback_on(frames: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of TaskShed, which are the same for every callback."""
    inner = frames
    while inner is not None and inner.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "taskshed":
        inner = inner.tb_next
    return inner or frames
