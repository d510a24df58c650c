"""A round of scripts on its way: what was refused in passing is asked for again, what was done is not."""

from collections.abc import Sequence
from typing import Any

import anyio

from taskshed.datastores._redis import _scripts
from taskshed.datastores._redis._errors import Refusal, first_error, refusal
from taskshed.datastores._redis._lanes import Lane
from taskshed.datastores._redis._lines import Command, Line
from taskshed.datastores._redis._rounds import Replies, Requests, Scripts
from taskshed.datastores._trouble import Trouble

_ATTEMPTS = 12
_FIRST_PAUSE = 0.01  # seconds; it doubles, so that a slot has some five to move to another node
_LONGEST_PAUSE = 1.0
_BEGIN, _END = ("MULTI",), ("EXEC",)


async def deliver(lane: Lane, requests: Requests) -> Replies:
    """Have all shards do their part, and return what they answer.

    Raises:
        Trouble: one did not.
    """
    delivery = _Delivery(lane, requests)
    pause = _FIRST_PAUSE
    for left in reversed(range(_ATTEMPTS)):
        await delivery.attempt()
        delivery.check(final=not left)
        if delivery.is_complete:
            break
        if delivery.shall_wait:
            await anyio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
    return delivery.replies


class _Delivery:
    def __init__(self, lane: Lane, requests: Requests) -> None:
        self._lane = lane
        self._requests = requests
        self._apart: set[int] = set()  # the shards on whose servers there can be no transaction
        self._troubles: list[Trouble] = []
        self.replies: Replies = {}

    @property
    def is_complete(self) -> bool:
        return len(self.replies) == len(self._requests)

    @property
    def shall_wait(self) -> bool:
        return any(not isinstance(trouble, Refusal) or trouble.code != "NOSCRIPT" for trouble in self._troubles)

    async def attempt(self) -> None:
        """Ask all servers at once for what is left."""
        await self._lane.look()
        self._troubles.clear()
        by_line: dict[Line, list[int]] = {}
        for shard in self._requests:
            if shard not in self.replies:
                by_line.setdefault(self._lane.line(shard), []).append(shard)
        if len(by_line) == 1:
            for line, shards in by_line.items():
                await self._ask(line, shards)
            return
        async with anyio.create_task_group() as tasks:
            for line, shards in by_line.items():
                tasks.start_soon(self._ask, line, shards)

    def check(self, *, final: bool) -> None:
        """Raise what stands in the way for longer, or at the `final` attempt whatever does."""
        if any(trouble.kind != "refused" for trouble in self._troubles) and self.shall_wait:
            self._lane.doubt()
        lasting = [trouble for trouble in self._troubles if final or trouble.kind != "again"]
        if not lasting:
            return
        trouble = lasting[0]
        if self.replies or (isinstance(trouble, Refusal) and not trouble.is_whole):
            # What other shards did stays done, and so does what a script did before it failed.
            raise Trouble("lost", trouble.reason) from trouble
        raise trouble

    async def _ask(self, line: Line, shards: Sequence[int]) -> None:
        commands = {shard: self._commands(shard) for shard in shards}
        try:
            answers = iter(await line.call(*(command for asked in commands.values() for command in asked)))
            for shard, asked in commands.items():
                self._take(shard, [next(answers) for _ in asked], together=asked[0] == _BEGIN)
            if any(isinstance(trouble, Refusal) and trouble.code == "NOSCRIPT" for trouble in self._troubles):
                (loaded,) = await line.call(_scripts.load())
                if isinstance(loaded, BaseException):
                    raise refusal(loaded) from loaded
        except Trouble as trouble:
            self._troubles.append(trouble)

    def _take(self, shard: int, answers: list[Any], *, together: bool) -> None:
        """Take what a shard has answered: to each script, or to a transaction of them."""
        if together and not isinstance(answers[-1], BaseException):
            answers = answers[-1]
        error = first_error(answers)  # if a transaction was refused, that says why
        if error is None:
            self.replies[shard] = [reply for answer in answers for reply in answer]
            return
        trouble = refusal(error)
        if trouble.code == "OOM" and together and not _only("add", self._requests[shard]):
            # A server that is full takes no transaction, though it may let its scripts through.
            self._apart.add(shard)
            trouble = Refusal("again", trouble.code, trouble.reason)
        self._troubles.append(trouble)

    def _commands(self, shard: int) -> list[Command]:
        scripts = self._requests[shard]
        keys, (_, origin, publish) = self._lane.namespace.keys(shard), self._lane.namespace
        only_adds = _only("add", scripts)
        calls = [_scripts.run(keys, operations, origin, publish, only_adds=only_adds) for operations in scripts]
        if len(calls) == 1 or shard in self._apart or _only("fetch", scripts):
            return calls
        return [_BEGIN, *calls, _END]


def _only(name: str, scripts: Scripts) -> bool:
    return all(operation[0] == name for operations in scripts for operation in operations)
