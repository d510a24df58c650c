"""From what was scheduled to what a callback gets."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Optional, TypedDict
from uuid import UUID

import msgspec
import pytest

from taskshed._json import encode_kwargs
from taskshed.workers._arguments import Arguments

if TYPE_CHECKING:
    from somewhere import Something  # type: ignore[import-not-found]  # as callbacks do that avoid an import

NOON = datetime(2030, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)
NOON_TEXT = "2030-01-02T12:00:00.123456Z"


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Address(msgspec.Struct):
    street: str
    since: date


@dataclass
class Person:
    name: str
    born: datetime
    homes: list[Address]


class Row(TypedDict):
    id: UUID


class Unknown:
    pass


def decoded(callback: Callable[..., Any], **kwargs: Any) -> dict[str, Any]:
    return Arguments(callback).decode(encode_kwargs(kwargs))


ADA = Person("Ada", NOON, [Address("St James's Square", date(1835, 7, 8))])

ARRIVING: dict[str, tuple[Any, Any]] = {
    "datetime": (datetime, NOON),
    "datetime, naive": (datetime, NOON.replace(tzinfo=None)),
    "date": (date, date(2030, 1, 2)),
    "time": (time, time(3, 4, 5, 6)),
    "timedelta": (timedelta, timedelta(days=-400, microseconds=1)),
    "UUID": (UUID, UUID(int=2**128 - 1)),
    "Decimal": (Decimal, Decimal("0.10000000000000000000000000001")),
    "Enum": (Colour, Colour.RED),
    "IntEnum": (Level, Level.LOW),
    "dataclass": (Person, ADA),
    "Struct": (Address, Address("Main Street", date(2030, 1, 2))),
    "TypedDict": (Row, {"id": UUID(int=1)}),
    "bytes": (bytes, b"\x00\xff"),
    "set": (set[int], {1, 2, 3}),
    "frozenset": (frozenset[UUID], frozenset([UUID(int=1)])),
    "tuple": (tuple[int, str], (1, "a")),
    "tuple of any length": (tuple[Decimal, ...], (Decimal("1.1"), Decimal(2))),
    "Optional, given": (Optional[datetime], NOON),  # noqa: UP045 - callbacks may be old
    "Optional, None": (datetime | None, None),
    "Literal": (Literal["a", "b"], "b"),
    "dict with int keys": (dict[int, datetime], {7: NOON}),
    "nested": (dict[str, list[Person | None]], {"a": [ADA, None]}),
    "Any": (Any, {"a": [1, None, 0.1]}),
    "huge int": (int, 10**40),
    "float": (float, 0.1),
}


@pytest.mark.parametrize(("annotation", "value"), ARRIVING.values(), ids=ARRIVING)
def test_what_was_scheduled_is_what_arrives(annotation: Any, value: Any) -> None:
    async def callback(argument: Any) -> None: ...

    callback.__annotations__["argument"] = annotation
    arrived = decoded(callback, argument=value)
    assert arrived == {"argument": value}
    assert type(arrived["argument"]) is type(value)


PLAIN: dict[str, tuple[Any, Any]] = {
    "datetime": (NOON, NOON_TEXT),
    "dataclass": (ADA.homes[0], {"street": "St James's Square", "since": "1835-07-08"}),
    "tuple": ((1, 2), [1, 2]),
    "bytes": (b"\x00\xff", "AP8="),
    "int keys": ({1: 2}, {"1": 2}),
    "None": (None, None),
}


@pytest.mark.parametrize(("value", "plain"), PLAIN.values(), ids=PLAIN)
def test_an_argument_without_annotation_arrives_as_plain_json(value: Any, plain: Any) -> None:
    async def callback(argument) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - which is the case in point

    assert decoded(callback, argument=value) == {"argument": plain}


UNKNOWN: dict[str, tuple[Any, Any]] = {
    "own class": (Unknown, {"a": 1}),
    "own class or None": (Unknown | None, {"a": 1}),
    "list of own class": (list[Unknown], [1, "b"]),
    "dict of own class": (dict[str, Unknown], {"a": 1}),
    "callable": (Callable[[], None], [1, "b"]),
    "class": (type[int], "int"),
    "complex": (complex, 5),
    "union that msgspec cannot tell apart": (datetime | date, NOON_TEXT),
    "no type at all": (5, "x"),
}


@pytest.mark.parametrize(("annotation", "value"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_annotation_that_json_cannot_become_gets_plain_json(annotation: Any, value: Any) -> None:
    async def callback(argument: Any) -> None: ...

    callback.__annotations__["argument"] = annotation
    assert decoded(callback, argument=value) == {"argument": value}


async def anything(argument: Any, other: list[Any] | None = None) -> None: ...


@pytest.mark.parametrize("name", ["argument", "other"])
def test_what_is_nested_too_deeply_is_refused_like_other_arguments(name: str) -> None:
    depth = 100_000  # How deep Python goes differs with its version: 3.13 reads ten thousand levels.
    nested = msgspec.Raw(f'{{"argument":1,"{name}":{"[" * depth}{"]" * depth}}}'.encode())
    with pytest.raises(TypeError, match=r"argument.*: maximum recursion depth"):
        Arguments(anything).decode(nested)


async def strings(when: "datetime", who: "Person | None" = None) -> None: ...
async def unresolvable(thing: "Something", when: "datetime") -> None: ...
async def unresolvable_return(when: "datetime") -> "Something": ...


def test_annotations_may_be_strings() -> None:
    assert decoded(strings, when=NOON, who=ADA) == {"when": NOON, "who": ADA}


def test_an_annotation_that_names_nothing_gets_plain_json() -> None:
    assert decoded(unresolvable, thing=NOON, when=NOON)["thing"] == NOON_TEXT


@pytest.mark.parametrize(
    ("callback", "others"), [(unresolvable, {"thing": 1}), (unresolvable_return, {})], ids=["parameter", "return"]
)
def test_an_annotation_that_names_nothing_does_not_spoil_the_others(
    callback: Callable[..., Any], others: dict[str, Any]
) -> None:
    assert decoded(callback, when=NOON, **others)["when"] == NOON
