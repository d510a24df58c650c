"""Arguments as JSON: what is accepted, and errors that say where."""

import enum
import math
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import msgspec
import pytest

from taskshed._json import MAX_DEPTH, encode_kwargs, is_deeper_than


class Colour(enum.Enum):
    RED = "red"
    NAN = math.nan


@dataclass
class Point:
    x: Any
    y: Any = None


@dataclass
class Bounded:
    LIMIT: ClassVar[float] = math.inf
    x: Any = None


class Pair(NamedTuple):
    one: Any
    other: Any


class Box(msgspec.Struct):
    content: Any = None
    label: str | msgspec.UnsetType = msgspec.UNSET


class Unknown:
    def __repr__(self) -> str:
        return "<unknown>"


def encoded(value: Any) -> str:
    return bytes(encode_kwargs({"v": value})).decode()


ACCEPTED: dict[str, tuple[Any, str]] = {
    "None": (None, "null"),
    "None among numbers": ([None, 1.5, {"a": None}], '[null,1.5,{"a":null}]'),
    "the text null": ("null", '"null"'),
    "bool": (True, "true"),
    "text": ("é😀\x00", '"é😀\\u0000"'),
    "beyond 64 bits": (10**30, "1" + "0" * 30),
    "below -2**63": (-(2**63) - 1, "-9223372036854775809"),
    "datetime": (datetime(2030, 1, 2, 3, 4, 5, 6, UTC), '"2030-01-02T03:04:05.000006Z"'),
    "date": (date(2030, 1, 2), '"2030-01-02"'),
    "time": (time(3, 4), '"03:04:00"'),
    "timedelta": (timedelta(days=-1, microseconds=1), '"-PT86399.999999S"'),
    "UUID": (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    "Decimal": (Decimal("1.10"), '"1.10"'),
    "Decimal NaN, which is text": ([Decimal("NaN"), None], '["NaN",null]'),
    "Enum": (Colour.RED, '"red"'),
    "dataclass": (Point(1), '{"x":1,"y":null}'),
    "dataclass with an infinite class variable": (Bounded(), '{"x":null}'),
    "Struct": (Box(b"x"), '{"content":"eA=="}'),
    "NamedTuple": (Pair(1, None), "[1,null]"),
    "tuple": ((1, "a"), '[1,"a"]'),
    "set": ({1}, "[1]"),
    "frozenset": (frozenset(["a"]), '["a"]'),
    "bytes": (b"\x00\xff", '"AP8="'),
    "OrderedDict": (OrderedDict(a=1), '{"a":1}'),
    "nested": ({"a": [Point(Box((date(2030, 1, 2),)))]}, '{"a":[{"x":{"content":["2030-01-02"]},"y":null}]}'),
    "int keys": ({1: "a", 2: {3: None}}, '{"1":"a","2":{"3":null}}'),
    "UUID keys": ({UUID(int=1): 0}, '{"00000000-0000-0000-0000-000000000001":0}'),
    "Enum keys": ({Colour.RED: 0}, '{"red":0}'),
    "NaN as a key, which is text": ({math.nan: None}, '{"nan":null}'),
}


@pytest.mark.parametrize(("value", "expected"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_has_a_form_in_json_is_accepted(value: Any, expected: str) -> None:
    assert encoded(value) == f'{{"v":{expected}}}'


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "own class": (Unknown(), TypeError, "kwargs['v'] "),
    "own class, deep": ({"avatar": [Unknown()]}, TypeError, "kwargs['v']['avatar'][0] "),
    "own class, later": ([1, (2, Unknown())], TypeError, "kwargs['v'][1][1] "),
    "own class in a dataclass": (Point([Unknown()]), TypeError, "kwargs['v'].x[0] "),
    "own class in a Struct": (Box({"a": Unknown()}), TypeError, "kwargs['v'].content['a'] "),
    "own class in a set": ({Unknown()}, TypeError, "kwargs['v'][0] "),
    "own class under an int key": ({7: Unknown()}, TypeError, "kwargs['v'][7] "),
    "own class as a key": ({"a": {Unknown(): 1}}, TypeError, "kwargs['v']['a'] key <unknown> "),
    "tuple as a key": ({(1, 2): 3}, TypeError, "kwargs['v'] key (1, 2) "),
    "None as a key": ({None: 3}, TypeError, "kwargs['v'] key None "),
    "bool as a key": ({True: 3}, TypeError, "kwargs['v'] key True "),
    "class": ({"a": Point}, TypeError, "kwargs['v']['a'] "),
    "function": ([encoded], TypeError, "kwargs['v'][0] "),
    "iterator": (iter([1]), TypeError, "kwargs['v'] "),
    "complex": (1j, TypeError, "kwargs['v'] "),
    "range": ({"a": range(3)}, TypeError, "kwargs['v']['a'] "),
    "deque": ({"a": deque([1])}, TypeError, "kwargs['v']['a'] "),
    "NaN": (math.nan, ValueError, "kwargs['v'] is nan"),
    "infinity": (math.inf, ValueError, "kwargs['v'] is inf"),
    "minus infinity in a list": ([None, 1.5, -math.inf], ValueError, "kwargs['v'][2] is -inf"),
    "NaN in a dataclass": (Point(1, math.nan), ValueError, "kwargs['v'].y is nan"),
    "NaN in a Struct": (Box(Point([math.nan])), ValueError, "kwargs['v'].content.x[0] is nan"),
    "NaN in a NamedTuple": (Pair(1, math.nan), ValueError, "kwargs['v'][1] is nan"),
    "NaN in an Enum": ([Colour.NAN], ValueError, "kwargs['v'][0] is "),
    "NaN under an int key": ({1: math.nan}, ValueError, "kwargs['v'][1] is nan"),
    "lone surrogate": ({"a": "\ud800"}, ValueError, "kwargs['v']['a'] "),
    "lone surrogate in a key": ({"a": {"\ud800": 1}}, ValueError, "kwargs['v']['a'] key '\\ud800' "),
}


@pytest.mark.parametrize(("value", "kind", "start"), REFUSED.values(), ids=REFUSED)
def test_what_would_not_come_back_is_refused_by_its_place(value: Any, kind: type[Exception], start: str) -> None:
    with pytest.raises(kind) as caught:
        encoded(value)
    assert str(caught.value).startswith(start)


def in_itself(make: Callable[[Any], Any], put: Callable[[Any, Any], Any]) -> Any:
    value = make(None)
    put(value, value)
    return value


CYCLES: dict[str, Any] = {
    "dict": in_itself(lambda _: {}, lambda value, part: value.update(a=part)),
    "list": in_itself(lambda _: [None], lambda value, part: value.append(part)),
    "Struct": in_itself(Box, lambda value, part: setattr(value, "content", part)),
    "dataclass": in_itself(Point, lambda value, part: setattr(value, "y", [part])),
}


@pytest.mark.parametrize("value", CYCLES.values(), ids=CYCLES)
def test_what_contains_itself_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="kwargs is nested too deeply, or contains itself"):
        encoded(value)


@pytest.mark.parametrize("leaf", [1, None, math.nan, Unknown()], ids=str)
def test_at_any_depth_a_value_is_accepted_or_refused_as_any_other(leaf: Any) -> None:
    value, depths = leaf, {100, *range(800, 1000), 2_000, 8_000, 100_000}
    for depth in range(1, max(depths) + 1):
        value = [value]
        if depth in depths:
            try:
                encoded(value)
            except (TypeError, ValueError) as error:
                assert str(error).startswith("kwargs")  # noqa: PT017 - at some depths it is accepted


def test_no_arguments_are_an_empty_object() -> None:
    assert bytes(encode_kwargs({})) == b"{}"


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_arguments_may_take_as_many_bytes_as_they_may_and_no_more() -> None:
    fits = {"text": "é" * 10}
    assert bytes(encode_kwargs(fits, max_size=31)) == msgspec.json.encode(fits)
    with pytest.raises(ValueError, match="kwargs takes 31 bytes as JSON, at most 30 are allowed; keep large data"):
        encode_kwargs(fits, max_size=30)


def test_arguments_may_be_nested_as_deep_as_they_may_and_no_deeper() -> None:
    encode_kwargs({"deep": nested(MAX_DEPTH - 1), "wide": [[]] * 1000, "text": "[{" * 1000})
    with pytest.raises(ValueError, match="kwargs is nested more than 100 levels deep"):
        encode_kwargs({"deep": nested(MAX_DEPTH)})


@pytest.mark.parametrize(
    ("text", "depth"),
    [(b"{}", 1), (b'{"a":[[],[]]}', 3), (b'{"a":"[[\\"[[","b":[1]}', 2), (b'["\\\\",[[]]]', 3), (b'{"]":{"}":[]}}', 3)],
)
def test_how_deep_json_is(text: bytes, depth: int) -> None:
    assert [is_deeper_than(levels, text) for levels in (depth - 1, depth)] == [True, False]
