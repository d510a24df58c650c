from datetime import timedelta

import msgspec
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError


class SQLConfig(msgspec.Struct, kw_only=True, frozen=True):
    """Where an SQL datastore is and how it is used.

    Attributes:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `sqlite://` (gone when it closes).
        table_prefix: begins the names of the tables.
        busy_timeout: how long SQLite waits for another process's write before it gives up.
        poll_interval: how often SQLite is asked whether another process has written.
    """

    url: str
    table_prefix: str = "taskshed_"
    busy_timeout: timedelta = timedelta(seconds=10)
    poll_interval: timedelta = timedelta(milliseconds=250)

    def __post_init__(self) -> None:
        if not self.table_prefix.isidentifier():
            raise ValueError(f"table_prefix must be letters, digits and underscores, not {self.table_prefix!r}")
        for name in ("busy_timeout", "poll_interval"):
            if getattr(self, name) <= timedelta(0):
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
        self.parsed_url()

    def parsed_url(self) -> URL:
        """The URL, taken apart.

        Raises:
            ValueError: it is none, or of a database that cannot be used; it is not shown, for it may hold a password.
        """
        try:
            url = make_url(self.url)
        except ArgumentError:
            raise ValueError("that is no database URL; it should look like sqlite:///tasks.db") from None
        if url.drivername not in ("sqlite", "sqlite+pysqlite"):
            raise ValueError(f"no SQL datastore for {url.drivername}:// URLs; use sqlite:///tasks.db")
        return url
