"""A server in memory, and the connections of processes to it."""

from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

import anyio
import msgspec
from simulation.faults import Faults
from simulation.history import History
from simulation.processes import Process
from simulation.world import StoreClock, World

from taskshed._clock import Clock
from taskshed._records import Record
from taskshed.datastores._base import Notice
from taskshed.datastores._memory import MemoryStorage
from taskshed.datastores._trouble import UNCHANGED, UNKNOWN
from taskshed.datastores.commands import (
    Add,
    ById,
    Command,
    InGroup,
    Move,
    Pause,
    Remove,
    Renew,
    Resume,
    ScheduleChanged,
    Selection,
    Settle,
    changes,
)
from taskshed.errors import DatastoreUnavailableError


class Server:
    """The tasks, and who is connected; nothing goes wrong here."""

    def __init__(self, world: World, history: History) -> None:
        self.world = world
        self.tasks = MemoryStorage()
        self.tasks._clock = StoreClock(world)
        self.history = history
        self.connections: list[Connection] = []

    async def carry_out(self, process: Process, commands: Sequence[Command[Any]]) -> list[Any]:
        """Carry out commands, tell the history, and tell the other processes what is due earlier."""
        answers: list[Any] = []
        for command in commands:
            ids = list(self._ids(command))
            before = self._records(ids)
            answers += await self.tasks.execute([command])
            try:
                self.history.done(process, command, answers[-1], before, self._records(ids))
            except Exception as error:  # which would be taken for one of the store's
                self.history.verdicts.fault("broken", f"the simulation cannot follow {command}: {error!r}")
        for change in changes(commands, answers):
            assert isinstance(change, ScheduleChanged), "nobody here cancels anything"
            for connection in self.connections:
                if connection.process is not process:
                    connection.send(change.earliest)
        return answers

    def earliest(self) -> int | None:
        """The earliest due time."""
        return self.tasks._due.earliest()

    def records(self) -> list[Record]:
        """All tasks, as they are."""
        return list(self.tasks._records.values())

    def _records(self, ids: Iterable[str]) -> dict[str, Record]:
        return {task_id: copy(self.tasks._records[task_id]) for task_id in ids if task_id in self.tasks._records}

    def _ids(self, command: Command[Any]) -> Iterable[str]:
        match command:
            case Add(records=records):
                return [record.task_id for record in records]
            case Move(times=times):
                return times
            case Settle(settlements=settlements):
                return [settlement.task_id for settlement in settlements]
            case Pause(selection=selection) | Resume(selection=selection) | Remove(selection=selection):
                return [record.task_id for record in self.tasks._select(selection)]
            case _:
                return ()


class Connection:
    """The storage of one process: the server, behind a network on which things go wrong."""

    def __init__(self, process: Process, server: Server, faults: Faults) -> None:
        self.process = process
        self._server = server
        self._faults = faults
        self._heard: list[int] = []
        self._bell = anyio.Event()
        self._listens = False
        self._broken = False

    async def open(self, clock: Clock) -> None:
        self._server.connections.append(self)

    async def close(self) -> None:
        self._server.connections.remove(self)

    async def execute(self, commands: Sequence[Command[Any]]) -> list[Any]:
        commands = [_in_order(command) for command in commands]
        process, world = self.process, self.process.world
        await process.look_alive()
        fate = self._faults.of_call()
        shown = ", ".join(map(_shown, commands)) if world.lines is not None else ""
        try:
            await self._go_wrong(fate.kind == "crash before", fate.kind == "freeze")
            await process.sleep(fate.before)
            if fate.kind == "refused":
                raise DatastoreUnavailableError(f"the server is out of reach; {UNCHANGED}")
            answers = await self._server.carry_out(process, commands)
            world.note(process, f"in the store: {shown}")
            await self._go_wrong(fate.kind == "crash after", False)
            await process.sleep(fate.after)
            if fate.kind == "lost":
                raise DatastoreUnavailableError(f"the connection broke; {UNKNOWN}")
        except BaseException as error:
            reason = str(error) if isinstance(error, DatastoreUnavailableError) else "it was cancelled"
            world.note(process, f"does not know of: {shown}: {reason}")
            raise
        self._server.history.delivered(process, commands, answers)
        return answers

    async def fetch(self, selection: Selection) -> list[Record]:
        await self.process.look_alive()
        fate = self._faults.of_call()
        await self.process.sleep(fate.before + fate.after)
        if fate.kind != "none":
            raise DatastoreUnavailableError(f"the server is out of reach; {UNCHANGED}")
        return await self._server.tasks.fetch(selection)

    async def watch(self, notice: Notice) -> None:
        if self.process.dead:
            await anyio.sleep_forever()
        self._broken, self._listens, self._heard = False, True, []
        try:
            await self.process.sleep(self._faults.of_call().before)
            earliest = self._server.earliest()
            await notice(None if earliest is None else ScheduleChanged(earliest))
            while True:
                await self._bell.wait()
                self._bell = anyio.Event()
                if self._broken or self.process.dead:
                    raise DatastoreUnavailableError("the connection broke")
                if self._heard:
                    heard, self._heard = self._heard, []
                    await notice(ScheduleChanged(min(heard)))
        finally:
            self._listens = False

    def send(self, earliest: int) -> None:
        """Something changed: let the process know, unless the connection breaks; that it learns a little later."""
        if not self._listens or self._broken:
            return
        arrives, delay = self._faults.of_notice()
        if not arrives:
            self._broken = True
        self.process.world.at(self.process.world.now + delay, lambda: self._hear(earliest), self.process)

    def _hear(self, earliest: int) -> None:
        if not self._broken:
            self._heard.append(earliest)
        self._bell.set()

    async def _go_wrong(self, crashes: bool, freezes: bool) -> None:
        if crashes:
            self.process.crash()
            self._server.history.crashed(self.process)
        if freezes:
            self.process.freeze(3 * self._faults.lease)
            await self.process.sleep(0)


def _in_order(command: Command[Any]) -> Command[Any]:
    """What a worker takes from a set has no order that a seed decides."""
    if isinstance(command, Renew):
        return Renew(tuple(sorted(command.leases, key=lambda lease: (lease.token, lease.task_id))), command.lease)
    return command


def _shown(command: Command[Any]) -> str:
    match command:
        case Add(records=records):
            return f"add {' '.join(record.task_id for record in records)}"
        case Settle(settlements=settlements):
            return f"settle {' '.join(f'{item.task_id}#{item.token} {item.outcome}' for item in settlements)}"
        case Renew(leases=leases):
            return f"renew {' '.join(f'{lease.task_id}#{lease.token}' for lease in leases)}"
        case Pause(selection=selection) | Resume(selection=selection) | Remove(selection=selection):
            return f"{type(command).__name__.lower()} {_selected(selection)}"
        case _:
            return str(msgspec.to_builtins(command)) if not isinstance(command, Move) else f"move {command.times}"


def _selected(selection: Selection) -> str:
    match selection:
        case ById(task_ids=task_ids):
            return " ".join(task_ids)
        case InGroup(group_id=group_id):
            return group_id
        case _:
            return type(selection).__name__.lower()
