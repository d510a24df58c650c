"""What to do with a claimed occurrence, and what becomes of it: decisions, no clock and no I/O.

::

    claimed ──begin──┬─▶ Run ──settle──┬─▶ Settlement
                     └── too late, or ─┘
                         to run beside others

A worker that crashes settles nothing: its lease runs out, and the task, running only in name, is due again.
"""

from taskshed._planning._beginning import begin
from taskshed._planning._settling import OUTCOMES, Ending, Kind, Outcome, Run, Settlement, failed, released, settle

__all__ = [
    "OUTCOMES",
    "Ending",
    "Kind",
    "Outcome",
    "Run",
    "Settlement",
    "begin",
    "failed",
    "released",
    "settle",
]
