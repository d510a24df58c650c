"""The arguments of all sorts of callables, and what is said when they do not fit."""

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from taskshed._json import encode_kwargs
from taskshed.workers._arguments import Arguments

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
NOON_TEXT = "2030-01-02T12:00:00Z"


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


async def plain(when: datetime, count: int = 0) -> None: ...
async def keyword_only(*, when: datetime, count: int = 0) -> None: ...
async def gathering(**kwargs: datetime) -> None: ...
async def gathering_anything(when: datetime, *args: int, **kwargs: Any) -> None: ...
async def positional_with_default(hidden: int = 0, /, *, when: datetime) -> None: ...
async def positional(hidden: int, /, when: datetime) -> None: ...


class Service:
    async def method(self, when: datetime) -> None: ...

    @classmethod
    async def of_class(cls, when: datetime) -> None: ...

    @staticmethod
    async def static(when: datetime) -> None: ...

    @traced
    async def decorated(self, when: datetime) -> None: ...

    async def __call__(self, when: datetime) -> None: ...


class HoldsAFunction(Service):
    def __init__(self) -> None:
        self.func = print


class HoldsItself(Service):
    """Has every attribute it is asked for, as a mock has."""

    asked = 0

    @property
    def func(self) -> "HoldsItself":
        self.asked += 1
        if self.asked > 100:
            raise RuntimeError("somebody asks without end")
        return self


CALLABLES: dict[str, Callable[..., Any]] = {
    "function": plain,
    "keyword-only": keyword_only,
    "**kwargs": gathering,
    "*args and **kwargs": gathering_anything,
    "positional-only with a default": positional_with_default,
    "bound method": Service().method,
    "class method": Service.of_class,
    "static method": Service.static,
    "decorated": traced(plain),
    "decorated twice": traced(traced(plain)),
    "decorated method": Service().decorated,
    "object": Service(),
    "object that holds a function": HoldsAFunction(),
    "object that holds itself": HoldsItself(),
    "partial": functools.partial(plain, count=5),
    "partial of a partial": functools.partial(functools.partial(plain), count=5),
    "partial that gives the positional-only one": functools.partial(positional, 1),
    "partial of a method": functools.partial(Service().method),
    "partial of an object": functools.partial(Service()),
    "partial of something decorated": functools.partial(traced(plain)),
    "decorated partial": traced(functools.partial(plain)),
}


@pytest.mark.parametrize("callback", CALLABLES.values(), ids=CALLABLES)
def test_the_annotations_of_any_callable_count(callback: Callable[..., Any]) -> None:
    assert Arguments(callback).decode(encode_kwargs({"when": NOON})) == {"when": NOON}


GIVEN: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = {
    "defaults are left to the callback": (plain, {"when": NOON}, {"when": NOON}),
    "defaults are converted if given": (keyword_only, {"when": NOON, "count": 3}, {"when": NOON, "count": 3}),
    "a partial's keyword can be replaced": (
        functools.partial(plain, when=NOON, count=5),
        {"count": 6},
        {"count": 6},
    ),
    "annotated **kwargs convert all": (gathering, {"a": NOON, "kwargs": NOON}, {"a": NOON, "kwargs": NOON}),
    "**kwargs of Any are plain": (gathering_anything, {"when": NOON, "b": NOON}, {"when": NOON, "b": NOON_TEXT}),
    "*args is a name like any other": (gathering_anything, {"when": NOON, "args": [1]}, {"when": NOON, "args": [1]}),
    "nothing for **kwargs": (gathering, {}, {}),
}


@pytest.mark.parametrize(("callback", "kwargs", "expected"), GIVEN.values(), ids=GIVEN)
def test_arguments_are_matched_by_name(
    callback: Callable[..., Any], kwargs: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert Arguments(callback).decode(encode_kwargs(kwargs)) == expected


MISFITS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "missing": (plain, "{}", "missing argument 'when'"),
    "unexpected": (plain, '{"when":"2030-01-02T12:00:00Z","a":1}', "unexpected argument 'a'"),
    "many unexpected": (plain, '{"when":"2030-01-02T12:00:00Z","a":1,"b":2}', "unexpected arguments 'a', 'b'"),
    "wrong type": (plain, '{"when":5}', "argument 'when': Expected `datetime`, got `int`"),
    "wrong text": (plain, '{"when":"noon"}', "argument 'when': Invalid RFC3339"),
    "null": (plain, '{"when":null}', "argument 'when': Expected `datetime`, got `null`"),
    "wrong type of an extra one": (gathering, '{"a":true}', "argument 'a': Expected `datetime`, got `bool`"),
    "given by the partial already": (functools.partial(plain, NOON), '{"when":1}', "unexpected argument 'when'"),
    "positional-only by name": (
        positional_with_default,
        '{"hidden":1,"when":"2030-01-02T12:00:00Z"}',
        "unexpected argument 'hidden'",
    ),
}


@pytest.mark.parametrize(("callback", "stored", "message"), MISFITS.values(), ids=MISFITS)
def test_arguments_that_do_not_fit_are_named(callback: Callable[..., Any], stored: str, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        Arguments(callback).decode(msgspec.Raw(stored.encode()))
    assert str(caught.value).startswith(message)


def test_stored_arguments_that_are_no_object_are_a_type_error() -> None:
    with pytest.raises(TypeError):
        Arguments(plain).decode(msgspec.Raw(b"[]"))


def test_a_parameter_that_cannot_be_given_by_name_is_refused() -> None:
    with pytest.raises(TypeError, match="parameter 'hidden' is positional-only"):
        Arguments(positional)
