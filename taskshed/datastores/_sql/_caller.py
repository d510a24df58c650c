"""Work in a transaction that the caller has begun and will end."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import Session

R = TypeVar("R")


async def run_on(caller: object, work: Callable[[Connection], R]) -> R:
    """Do `work` on the caller's connection, in the transaction that it is in.

    With a `Connection` or a `Session` this blocks the event loop, as whatever else the caller does with it.

    Raises:
        TypeError: `caller` is no connection and no session of SQLAlchemy's.
    """
    match caller:
        case Connection():
            return work(caller)
        case Session():
            return work(caller.connection())
        case AsyncConnection():
            return await caller.run_sync(work)
        case AsyncSession():
            return await (await caller.connection()).run_sync(work)
        case _:
            raise TypeError(f"connection must be an SQLAlchemy connection or session, not {type(caller).__name__}")
