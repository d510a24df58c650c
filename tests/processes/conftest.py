from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tasks.db'}"
    fixture = {"postgresql": "fresh_postgres_url", "mysql": "fresh_mysql_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url
