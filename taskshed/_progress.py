"""How far a task has come: what a settlement writes beside the next `run_at`, opaque to datastores, as JSON."""

from typing import Annotated

import msgspec

from taskshed._body import Body
from taskshed._clock import duration_micros
from taskshed.schedules._occurrences import first_after, put_off

# So that what is added, which is less than the microseconds of 10,000 years, leaves a number that JSON can have.
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


class Progress(msgspec.Struct, omit_defaults=True, frozen=True):
    """What is kept of the runs so far.

    Attributes:
        runs: runs that have ended.
        skipped: occurrences that were passed over.
        delay: by how many microseconds `delayed_to` is later than its occurrence.
        delayed_to: the `run_at` that this holds for; a task that was moved meanwhile stands at an occurrence itself.
    """

    runs: _Count = 0
    skipped: _Count = 0
    delay: _Count = 0
    delayed_to: int = 0

    def text(self) -> str | None:
        """As it is stored; None for a task without a history."""
        return None if self == _NONE_YET else _encoder.encode(self).decode()

    def counting(self, *, runs: int = 0, skipped: int = 0) -> "Progress":
        """With that many more, standing at an occurrence itself."""
        return Progress(runs=self.runs + runs, skipped=self.skipped + skipped)

    def put_off(self, delay: int, until: int) -> "Progress":
        """With the same occurrence, which is to run `delay` microseconds after its time, at `until`."""
        return msgspec.structs.replace(self, delay=delay, delayed_to=until if delay else 0)

    def with_jitter(self, body: Body, at: int, now: int, chance: float) -> tuple[int, "Progress"]:
        """When to run the occurrence `at`, and the progress that says so.

        A run that is yet to come is put off by up to the task's `jitter`, spread by `chance` from 0 to 1, but not as
        far as the next occurrence and not beyond `end_at`.
        """
        if body.jitter is None or at <= now:
            return at, self
        latest_start = body.last
        if body.schedule is not None and not body.fixed_delay:
            following = first_after(body.schedule, at, at)
            latest_start = latest_start if following is None else min(latest_start, following - 1)
        delay = put_off(at, duration_micros(body.jitter), chance, latest_start)
        return at + delay, self.put_off(delay, at + delay)


_NONE_YET = Progress()
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Progress)


def progress_of(text: str | None, run_at: int) -> Progress:
    """Decode what is stored with a task that stands at `run_at`.

    Raises:
        Exception: it is not what TaskShed writes.
    """
    if text is None:
        return _NONE_YET
    progress = _decoder.decode(text)
    return progress if progress.delayed_to == run_at else progress.counting()
