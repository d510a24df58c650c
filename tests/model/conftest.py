from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal


@pytest.fixture
def portal(anyio_backend: tuple[str, dict[str, Any]]) -> Iterator[BlockingPortal]:
    """An event loop in a thread of its own, for hypothesis' machines are no coroutines."""
    backend, options = anyio_backend
    with start_blocking_portal(backend, options) as portal:
        yield portal


@pytest.fixture
def share(anyio_backend: tuple[str, dict[str, Any]]) -> float:
    """How much of the examples to try: the stores are the same on each backend, so one gets most of them."""
    return 1 if anyio_backend == ("asyncio", {}) else 0.2
