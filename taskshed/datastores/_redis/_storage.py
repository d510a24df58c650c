"""Redis or Valkey behind the storage protocol."""

from collections.abc import AsyncIterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import anyio

from taskshed._clock import Clock, duration_micros
from taskshed._records import Record
from taskshed.datastores._base import Notice
from taskshed.datastores._redis import _opening as opening
from taskshed.datastores._redis._config import RedisConfig
from taskshed.datastores._redis._deliveries import deliver
from taskshed.datastores._redis._lanes import Lane, Namespace
from taskshed.datastores._redis._lines import within
from taskshed.datastores._redis._reading import read_all
from taskshed.datastores._redis._rounds import carry_out
from taskshed.datastores._redis._rows import due_or_none, earliest
from taskshed.datastores._redis._watching import Listener, listening
from taskshed.datastores._trouble import UNCHANGED, UNKNOWN, Trouble
from taskshed.datastores.commands import Change, Command, RunsCancelled, ScheduleChanged, Selection

_SECOND = timedelta(seconds=1)


def _meaning(said: str) -> Change | None:
    if said == "cancelled":
        return RunsCancelled()
    due = due_or_none(said)
    return None if due is None else ScheduleChanged(due)


class RedisStorage:
    """Tasks in a Redis that any number of processes share.

    One lane writes and the other reads, so that a long look keeps nobody from writing.
    """

    def __init__(self, config: RedisConfig) -> None:
        self._config = config
        self._patience = config.timeout / _SECOND
        self._shards = 1

    async def open(self, clock: Clock) -> None:
        self._clock = clock
        self._namespace = Namespace(self._config.key_prefix, origin=uuid4().hex[:16])
        self._servers = self._config.servers()
        self._writer, self._reader = (Lane(self._servers, self._namespace, self._patience) for _ in range(2))
        try:
            with self._errors():
                await within(self._patience, self._servers.open)
                await self._prepare()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            for lane in (self._writer, self._reader):
                await lane.close()
            with suppress(Exception):  # whatever they say, it is over
                await self._servers.close()

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        rounds = carry_out(commands, self._shards)
        with self._errors() as effects:
            try:
                requests = next(rounds)
                while True:
                    replies = await deliver(self._writer, requests)
                    effects.append(UNKNOWN)  # of whatever comes now
                    requests = rounds.send(replies)
            except StopIteration as stop:
                answers: list[Any] = stop.value
                return answers

    async def fetch(self, selection: Selection) -> list[Record]:
        with self._errors(changes=False):
            return await read_all(self._reader, selection, self._shards)

    async def watch(self, notice: Notice) -> None:
        interval = duration_micros(self._config.poll_interval)
        with self._errors(changes=False):
            await within(self._patience, self._servers.look)  # it may be the end of another watch that led here
            listeners = self._listeners()
            async with listening(listeners) as heard:
                while True:
                    earliest = await self._look()
                    await notice(None if earliest is None else ScheduleChanged(earliest))
                    with self._clock.move_on_at(self._clock.monotonic() + interval):
                        await self._hand_on(heard, notice)
                    for listener in listeners:
                        await listener.ask_for_a_sign()

    async def _hand_on(self, heard: AsyncIterable[str], notice: Notice) -> None:
        async for said in heard:
            what, _, sender = said.partition(" ")
            if sender != self._namespace.origin:
                with suppress(ValueError):  # anybody may say anything on a channel
                    await notice(_meaning(what))
        raise Trouble("lost", "a connection that listens was closed")

    async def _prepare(self) -> None:
        """See that everything that will be needed is there and allowed, now and not when it is needed."""
        text, _ = await self._writer.call(0, ("INFO",), ("PING",))
        info = opening.read_info(text)
        opening.check_server(info, cluster=self._config.is_cluster)
        if opening.can_publish_in_shards(info):
            self._namespace = self._namespace._replace(publish="SPUBLISH")
            self._writer.namespace = self._reader.namespace = self._namespace
        self._shards = await self._agree(self._config.shards)
        rehearsal = opening.rehearsal(self._namespace.publish)
        await deliver(self._writer, dict.fromkeys(range(self._shards), rehearsal))
        async with listening(self._listeners()):
            pass

    async def _agree(self, wanted: int | None) -> int:
        return await opening.agree_on_shards(self._reader, wanted, cluster=self._config.is_cluster)

    def _listeners(self) -> list[Listener]:
        subscribe = "SSUBSCRIBE" if self._namespace.publish == "SPUBLISH" else "SUBSCRIBE"
        channels: dict[str, tuple[Any, list[str]]] = {}
        for shard in range(self._shards):
            keys = self._namespace.keys(shard)
            name, make = self._servers.node(keys.due)
            channels.setdefault(name, (make, []))[1].append(keys.notices)
        return [Listener(make, subscribe, names, self._patience) for make, names in channels.values()]

    async def _look(self) -> int | None:
        await self._agree(self._shards)  # somebody may have deleted everything meanwhile, and others have come
        scores: list[Any] = []
        for shard in range(self._shards):
            due = self._namespace.keys(shard).due
            (found,) = await self._reader.call(shard, ("ZRANGE", due, 0, 0, "WITHSCORES"))
            scores += found[1:]
        return earliest(scores)

    @contextmanager
    def _errors(self, *, changes: bool = True) -> Iterator[list[str]]:
        """Raise troubles as errors; the last of the yielded texts is what became of what was wanted.

        Args:
            changes: whether it would have changed anything.
        """
        effects = [UNCHANGED]
        try:
            yield effects
        except Trouble as trouble:
            effect = UNKNOWN if changes and trouble.leaves_doubt else effects[-1]
            raise trouble.error(self._config.place, effect) from trouble.__cause__
