"""Task ids that sort by the time they were made, which keeps an index on them dense."""

import os
import time

_last = 0


def new_task_id() -> str:
    """A version 7 UUID as 32 hexadecimal digits, later ones of a process always greater.

    RFC 9562, section 6.2, method 3: the 12 bits after the millisecond hold its fraction, and a
    clock that stands still or goes back is counted on from the last id.
    """
    global _last  # noqa: PLW0603 - the ids of a process are one row
    _last = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
    milliseconds, fraction = divmod(_last, 4096)
    tail = int.from_bytes(os.urandom(8)) >> 2 | 1 << 63
    return f"{milliseconds:012x}7{fraction:03x}{tail:016x}"
