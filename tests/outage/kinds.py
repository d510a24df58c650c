"""The kinds of database server, and what administrators tell each of them."""

from typing import ClassVar

from outage.sites import PASSWORD
from outage.sql_sites import SQLSite
from servers._mariadb import MariaDBServer
from servers._postgresql import PostgresServer

BLOCKED = "INSERT INTO {} (task_id, body, run_at, token, attempts) VALUES ('blocked', '', 0, 0, 0)"


class PostgresSite(SQLSite):
    ours = "SELECT pid FROM pg_stat_activity WHERE usename = 'ada'"
    busy = f"{ours} AND state <> 'idle'"
    end = "SELECT pg_terminate_backend({})"
    stop = "SELECT pg_cancel_backend({})"
    allow_few = "ALTER ROLE ada CONNECTION LIMIT 0"
    allow_many = "ALTER ROLE ada CONNECTION LIMIT -1"
    lock_all = ("BEGIN", "LOCK TABLE taskshed_tasks")
    lock_one = ("BEGIN", BLOCKED.format("taskshed_tasks"))
    guest = (f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'",)
    refusals: ClassVar[dict[str, str]] = {
        "the password": "password",
        "the user": "password",
        "the database": "does not exist",
        "permissions": "denied",
    }

    def __init__(self, server: PostgresServer) -> None:
        super().__init__(server, f"CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}'", "ALTER DATABASE tasks OWNER TO ada")

    @property
    def administration(self) -> str:
        return self.server.url("tasks")

    def ask_for_passwords(self) -> None:
        """The server believes everybody until it is told not to."""
        rules = [
            "local all all trust",
            "host all postgres 127.0.0.1/32 trust",
            "host all all 127.0.0.1/32 scram-sha-256",
        ]
        (self.server.data / "pg_hba.conf").write_text("\n".join([*rules, ""]))
        self.server.stop()
        self.server.start()

    async def set_read_only(self, value: bool) -> None:
        alter = f"ALTER DATABASE tasks SET default_transaction_read_only = {'on' if value else 'off'}"
        await self.execute("SET default_transaction_read_only = off", alter)
        await self.hang_up()


class MariaDBSite(SQLSite):
    ours = "SELECT id FROM information_schema.processlist WHERE user = 'ada'"
    busy = f"{ours} AND (command <> 'Sleep' OR id IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx))"
    end = "KILL CONNECTION {}"
    stop = "KILL QUERY {}"
    allow_few = "GRANT USAGE ON *.* TO ada@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1"
    allow_many = "GRANT USAGE ON *.* TO ada@'127.0.0.1' WITH MAX_USER_CONNECTIONS 0"
    lock_all = ("LOCK TABLES tasks.taskshed_tasks WRITE",)
    lock_one = ("BEGIN", BLOCKED.format("tasks.taskshed_tasks"))
    guest = (
        f"CREATE USER guest@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        "GRANT SELECT ON tasks.* TO guest@'127.0.0.1'",
    )
    refusals: ClassVar[dict[str, str]] = {
        "the password": "password",
        "the user": "password",
        "the database": "denied",
        "permissions": "denied",
    }

    def __init__(self, server: MariaDBServer) -> None:
        create = f"CREATE USER ada@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"
        super().__init__(server, create, "GRANT ALL ON tasks.* TO ada@'127.0.0.1'")

    @property
    def administration(self) -> str:
        return self.server.address

    async def set_read_only(self, value: bool) -> None:
        await self.execute(f"SET GLOBAL read_only = {int(value)}")
