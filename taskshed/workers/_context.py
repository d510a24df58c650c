"""Running a coroutine in a contextvars context of its own, inside a task that outlives it.

Executors are pooled, so what one callback sets must not be seen by the next. A task of its own for each would
do that too, at ten times the price. The generator below is PEP 380's `yield from` with each step inside the context.
"""

from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any, TypeVar

R = TypeVar("R")


class InContext:
    """Awaits `coroutine` with all its steps run in `context`."""

    def __init__(self, context: Context, coroutine: Coroutine[Any, Any, R]) -> None:
        self._context = context
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        run, coroutine = self._context.run, self._coroutine
        step: Any = coroutine.send
        value: Any = None
        while True:
            try:
                waiting_for = run(step, value)
            except StopIteration as stop:
                return stop.value
            try:
                value = yield waiting_for
                step = coroutine.send
            except GeneratorExit:
                run(coroutine.close)
                raise
            except BaseException as error:
                step, value = coroutine.throw, error
