from collections.abc import Callable
from typing import Any

import pytest
from outage.kinds import MariaDBSite, PostgresSite
from outage.sites import Site

SITES: list[tuple[str, Callable[[Any], Site]]] = [("private_postgres", PostgresSite), ("private_mariadb", MariaDBSite)]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Not uvloop: outages take their time, and are about what asyncio and trio do differently."""
    backend: str = request.param
    return backend


@pytest.fixture(params=SITES, ids=["postgresql", "mariadb"])
def site(request: pytest.FixtureRequest) -> Site:
    """A server of the test's own."""
    server, make = request.param
    site: Site = make(request.getfixturevalue(server))
    return site
