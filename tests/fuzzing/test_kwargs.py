"""Whatever is stored as the arguments of a callback: it fits, or a `TypeError` says what does not."""

import enum
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypedDict
from uuid import UUID

import msgspec
from fuzzing.campaign import Campaign
from fuzzing.mutating import OCTETS, WORDS, Mutator, odd_value

from taskshed.workers import Callback
from taskshed.workers._arguments import Arguments


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Person:
    name: str
    born: date
    boss: "Person | None" = None


class Point(NamedTuple):
    x: float
    y: float


class Row(TypedDict):
    id: UUID


class Tree(msgspec.Struct):
    leaves: set[int] = set()
    branches: "list[Tree]" = []


async def times(a: datetime | None, b: date, c: time = time(), d: timedelta = timedelta()) -> None: ...
async def numbers(a: int, b: float = 0, c: Decimal = Decimal(), d: bool = False, **more: int) -> None: ...
async def objects(a: Person, b: Tree | None = None, c: Row | None = None, d: Point | None = None) -> None: ...
async def collections(a: set[Any], b: dict[int, UUID], c: tuple[int, str], d: frozenset[date]) -> None: ...
async def others(a: bytes, b: Colour, c: Literal["x", 5] = 5, d: bytearray | int = 0, e: object = None) -> None: ...
async def untyped(a, b=None, **more) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN003 - as many are


CALLBACKS: list[Callback] = [times, numbers, objects, collections, others, untyped]
NAMES = ["a", "b", "c", "d", "e", "x"]
VALUES = [
    b'"2030-01-02T12:00:00.123456Z"',
    b'"9999-12-31T23:59:59.999999-23:59"',
    b'"0001-01-01"',
    b'"24:00:00"',
    b'"P1DT2H"',
    b'"P999999999D"',
    b'"00000000-0000-0000-0000-000000000001"',
    b'"1.5e-9999999999999999999"',
    b"1.5e-9",
    b'"red"',
    b'"/w=="',
    b"[1,2.5]",
    b'[[],{},"x",null]',
    b'{"name":"Ada","born":"1815-12-10","boss":{"name":"B","born":"1800-01-01"}}',
    b'{"leaves":[1,2],"branches":[{"branches":[{}]}]}',
    b'{"7":"00000000-0000-0000-0000-000000000001"}',
    b'"\\ud83d\\ude00\\u0000"',
    b'"\xc3\xa9"',
    b"null",
    b"true",
    b"7",
]
mutated = Mutator(
    [b'{"a":%b,"b":%b}' % (a, b) for a in VALUES for b in VALUES[::3]], [w.encode() for w in WORDS] + OCTETS
)


def test_any_arguments_fit_or_are_a_type_error() -> None:
    callbacks = [Arguments(callback) for callback in CALLBACKS]
    fitted = 0
    with Campaign("kwargs") as campaign:
        for chance in campaign:
            if chance.random() < 0.7:
                text = mutated(chance)
            else:
                names = chance.sample(NAMES, chance.randint(0, 4))
                text = msgspec.json.encode({name: odd_value(chance) for name in names if chance.random() < 0.9})
            try:
                chance.choice(callbacks).decode(msgspec.Raw(text))
                fitted += 1
            except TypeError as error:
                assert str(error)  # noqa: PT017 - no other is to come
    assert fitted or len(campaign) == 1
