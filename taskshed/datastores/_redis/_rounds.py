"""A batch of commands as rounds of scripts, one round for all shards at a time: no I/O.

A script works on about `BATCH` tasks at most. Several scripts for one shard are one transaction.
"""

from collections.abc import Generator, Sequence
from typing import Any

from taskshed.datastores._redis._operations import BATCH, Answer, Operation, Part, gather, peeks, quotas, spread
from taskshed.datastores.commands import Claim, Command

Scripts = list[list[Operation]]
Requests = dict[int, Scripts]  # by shard
Replies = dict[int, list[Any]]  # by shard: the answers of its operations, script after script

Rounds = Generator[Requests, Replies, list[Any]]
Waiting = list[tuple[Command[Any], list[Part]]]


def carry_out(commands: Sequence[Command[Any]], shards: int) -> Rounds:
    """Yields what to ask the shards, takes what they answer, and returns the answers to the commands."""
    answers: list[Any] = []
    waiting: Waiting = []
    for command in commands:
        if isinstance(command, Claim) and shards > 1:
            *before, due = yield from _ask([*waiting, (command, peeks(command, shards))])
            answers += _gathered(waiting, before)
            waiting = [(command, quotas(command, due))]
        else:
            waiting.append((command, spread(command, shards)))
    return answers + _gathered(waiting, (yield from _ask(waiting)))


def _ask(waiting: Waiting) -> Generator[Requests, Replies, list[list[Answer]]]:
    requests: Requests = {}
    room: dict[int, int] = {}
    for _, parts in waiting:
        for part in parts:
            scripts = requests.setdefault(part.shard, [])
            if part.size > room.get(part.shard, -1):
                scripts.append([])
                room[part.shard] = BATCH
            scripts[-1].append(part.operation)
            room[part.shard] -= part.size
    replies = {shard: iter(answers) for shard, answers in (yield requests).items()} if requests else {}
    return [[(part, next(replies[part.shard])) for part in parts] for _, parts in waiting]


def _gathered(waiting: Waiting, answers: Sequence[list[Answer]]) -> list[Any]:
    return [gather(command, replies) for (command, _), replies in zip(waiting, answers, strict=True)]
