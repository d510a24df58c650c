import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Not uvloop: these tests are about servers, and about what asyncio and trio do differently."""
    backend: str = request.param
    return backend
