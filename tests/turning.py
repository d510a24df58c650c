"""The type of the `turn` fixture."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

Turn = Callable[[timedelta], Awaitable[None]]
