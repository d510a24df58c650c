from datetime import timedelta

import msgspec

from taskshed.models._checks import check_duration, whole

_LONGEST = timedelta(days=36500)


class RetryPolicy(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """How often a run that raised, timed out or crashed is tried again, and after how long.

    The pause grows from one attempt to the next: exponential backoff.

    Attributes:
        max_attempts: how many runs there are at most, the first and those that crashed included.
        delay: the pause after the first.
        multiplier: how much longer each pause is than the one before, from 1 up.
        max_delay: no pause is longer.
        jitter: each pause is up to this much longer, by chance, so that what failed together does not come together.

    Raises:
        TypeError, ValueError: a field has the wrong type or makes no sense; the message names it.
    """

    max_attempts: int = 3
    delay: timedelta = timedelta(seconds=1)
    multiplier: float = 2.0
    max_delay: timedelta = timedelta(hours=1)
    jitter: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        whole(least=1)("max_attempts", self.max_attempts)
        for name in ("delay", "max_delay", "jitter"):
            check_duration(name, getattr(self, name))
            if getattr(self, name) > _LONGEST:
                raise ValueError(f"{name} must be at most {_LONGEST}, not {getattr(self, name)}")
        if not isinstance(self.multiplier, int | float) or isinstance(self.multiplier, bool):
            raise TypeError(f"multiplier must be a number, not {self.multiplier!r}")
        if not 1 <= self.multiplier <= 1000:
            raise ValueError(f"multiplier must be from 1 to 1000, not {self.multiplier!r}")

    def allows_another(self, attempts: int) -> bool:
        """Whether there may be one more run after so many."""
        return attempts < self.max_attempts

    def pause_after(self, attempts: int, chance: float = 0) -> timedelta:
        """The pause after so many runs, at least one; `chance`, from 0 to 1, is how much of the jitter to add."""
        pause = self.delay
        for _ in range(attempts - 1):
            if pause >= self.max_delay or self.multiplier == 1 or not pause:
                break
            pause *= self.multiplier
        return min(pause, self.max_delay) + self.jitter * chance


def check_policy(name: str, value: object) -> None:
    """Refuse what is no retry policy."""
    if not isinstance(value, RetryPolicy):
        raise TypeError(f"{name} must be a RetryPolicy, for example RetryPolicy(max_attempts=3), not {value!r}")


def check_timeout(name: str, value: object) -> None:
    """Refuse what is no duration, or none in which anything could be done."""
    check_duration(name, value)
    if value == timedelta(0):
        raise ValueError(f"{name} must be more than nothing; None sets no limit")
