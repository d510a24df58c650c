from pathlib import Path

import pytest

FRESH = {"postgresql": "fresh_postgres_url", "mysql": "fresh_mysql_url", "redis": "fresh_valkey_url"}


@pytest.fixture(params=["sqlite", "postgresql", "mysql", "redis"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tasks.db'}"
    url: str = request.getfixturevalue(FRESH[request.param])
    return url
