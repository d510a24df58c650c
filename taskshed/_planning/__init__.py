"""What to do with a claimed occurrence, and what becomes of it: decisions, no clock and no I/O.

::

    claimed ──run_of──▶ Run ──begin──┬── None: it runs ──settle──▶ Settlement
                                     └── too late, cancelled, out of attempts, or to run beside others

A worker that crashes settles nothing: its lease runs out, and the task, running only in name, is due again.
"""

from taskshed._planning._beginning import begin, cancelled_text
from taskshed._planning._runs import NO_DEFAULTS, Defaults, Run, run_of
from taskshed._planning._settling import (
    OUTCOMES,
    Ending,
    Kind,
    Outcome,
    Settlement,
    failed,
    final,
    left,
    released,
    settle,
)

__all__ = [
    "NO_DEFAULTS",
    "OUTCOMES",
    "Defaults",
    "Ending",
    "Kind",
    "Outcome",
    "Run",
    "Settlement",
    "begin",
    "cancelled_text",
    "failed",
    "final",
    "left",
    "released",
    "run_of",
    "settle",
]
