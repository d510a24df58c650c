import time
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def in_zone() -> Iterator[Callable[[str], None]]:
    """Sets the local time zone until the test has ended."""
    with pytest.MonkeyPatch.context() as patch:

        def set_zone(zone: str) -> None:
            patch.setenv("TZ", zone)
            time.tzset()

        yield set_zone
    if hasattr(time, "tzset"):
        time.tzset()
