"""Running the state machine: how often, and how what failed is run again.

`TASKSHED_MODEL_TIMES=50` tries fifty times as many examples. What fails is printed with a blob;
`TASKSHED_MODEL_BLOB` takes that, to run the very same again.
"""

import os
from typing import Any

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from model.bench import Bench
from model.machine import StoreMachine

TIMES = float(os.environ.get("TASKSHED_MODEL_TIMES", "1"))
STEPS = 50


def try_examples(bench: Bench, examples: float, **more: Any) -> None:
    """Run the state machine on a store.

    Raises:
        BaseException: the store is wrong.
    """

    def make() -> StoreMachine:
        return StoreMachine(bench)

    machine: Any = make
    if blob := os.environ.get("TASKSHED_MODEL_BLOB"):
        machine = hypothesis.reproduce_failure(hypothesis.__version__, blob.encode())(make)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(1, round(examples * TIMES)),
            stateful_step_count=STEPS,
            deadline=None,  # a step waits for a server
            derandomize=False,  # also in CI, which shall find more from one time to the next
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow],  # so may a machine be on which others work
            **more,
        ),
    )
