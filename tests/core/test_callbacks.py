"""The callback map: what is let in, under which names, and how it is found."""

import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from taskshed.errors import IncorrectCallbackNameError
from taskshed.workers._callbacks import Callback, Callbacks


async def ring() -> None: ...
async def positional(hidden: int, /) -> None: ...


def blocking() -> None: ...


async def producing() -> AsyncIterator[int]:
    yield 1


class Bell:
    async def __call__(self) -> None: ...

    async def ring(self) -> None: ...

    def strike(self) -> None: ...


class DeafBell:
    def __call__(self) -> None: ...


def logged(function: Callback) -> Callback:
    @functools.wraps(function)
    async def wrapper(**kwargs: Any) -> Any:
        return await function(**kwargs)

    return wrapper


ACCEPTED: dict[str, Callback] = {
    "coroutine function": ring,
    "bound method": Bell().ring,
    "object with an async __call__": Bell(),
    "partial": functools.partial(ring),
    "partial of a partial": functools.partial(functools.partial(ring)),
    "partial of an object": functools.partial(Bell()),
    "decorated": logged(ring),
}


@pytest.mark.parametrize("callback", ACCEPTED.values(), ids=ACCEPTED)
def test_what_returns_a_coroutine_when_called_is_accepted(callback: Callback) -> None:
    assert Callbacks({"ring": callback}).find("ring")[0] is callback


REFUSED: dict[str, Any] = {
    "function": blocking,
    "method": Bell().strike,
    "builtin": print,
    "lambda": lambda: None,
    "lambda that returns a coroutine": lambda *_: ring(),
    "class": Bell,
    "object with a blocking __call__": DeafBell(),
    "partial of a function": functools.partial(blocking),
    "async generator function": producing,
}


@pytest.mark.parametrize("callback", REFUSED.values(), ids=REFUSED)
def test_what_is_no_coroutine_function_is_refused_and_told_how_to_wrap_it(callback: Any) -> None:
    with pytest.raises(
        TypeError, match=r"^callback 'ring' is .*, not a coroutine function; wrap it in one, for example: async def"
    ) as caught:
        Callbacks({"ring": callback})
    assert repr(callback) in str(caught.value)


@pytest.mark.parametrize("callback", [5, None, "ring", [ring]], ids=["int", "None", "name", "list"])
def test_what_cannot_be_called_is_refused(callback: Any) -> None:
    with pytest.raises(TypeError, match=r"^callback 'ring' must be a coroutine function, not ") as caught:
        Callbacks({"ring": callback})
    assert str(caught.value).endswith(repr(callback))


def test_a_callback_with_an_argument_that_cannot_be_given_by_name_is_refused() -> None:
    with pytest.raises(TypeError, match=r"callback 'ring' .*positional.*'hidden' is positional-only"):
        Callbacks({"ring": positional})


NAMES: dict[str, tuple[Any, type[Exception], str]] = {
    "empty": ("", ValueError, "must not be empty"),
    "too long": ("x" * 256, ValueError, "256 characters"),
    "lone surrogate": ("\ud800", ValueError, "not valid Unicode"),
    "number": (5, TypeError, "must be a str, not 5"),
    "None": (None, TypeError, "must be a str, not None"),
}


@pytest.mark.parametrize(("name", "kind", "message"), NAMES.values(), ids=NAMES)
def test_what_is_no_name_is_refused(name: Any, kind: type[Exception], message: str) -> None:
    add: list[Callable[[], object]] = [lambda: Callbacks({name: ring}), lambda: Callbacks({}).add(name, ring)]
    for call in add:
        with pytest.raises(kind, match=f"callback name .*{message}"):
            call()


@pytest.mark.parametrize("name", ["x" * 255, "Ünïcode 😀", "a.b:c/d"], ids=ascii)
def test_any_text_of_up_to_255_characters_is_a_name(name: str) -> None:
    assert Callbacks({name: ring}).find(name)[0] is ring


@pytest.mark.parametrize("callback_map", [None, [ring], ring, {"ring"}], ids=["None", "list", "function", "set"])
def test_what_is_no_mapping_is_refused(callback_map: Any) -> None:
    with pytest.raises(TypeError, match="callback_map must map names to coroutine functions, not "):
        Callbacks(callback_map)


@pytest.mark.parametrize("callback", [ring, Bell()], ids=["the same", "another"])
def test_a_taken_name_is_refused_and_keeps_its_callback(callback: Callback) -> None:
    callbacks = Callbacks({"ring": ring})
    with pytest.raises(ValueError, match="'ring' is taken by <function ring"):
        callbacks.add("ring", callback)
    assert callbacks.find("ring")[0] is ring


def test_a_refused_callback_leaves_its_name_free() -> None:
    callbacks = Callbacks({})
    with pytest.raises(TypeError):
        callbacks.add("ring", blocking)  # type: ignore[arg-type]  # which is what is refused
    callbacks.add("ring", ring)


def test_later_changes_to_the_map_do_not_leak_in() -> None:
    callback_map: dict[str, Callback] = {"ring": ring}
    callbacks = Callbacks(callback_map)
    callback_map["late"] = ring
    with pytest.raises(IncorrectCallbackNameError):
        callbacks.find("late")


@pytest.mark.parametrize(
    ("known", "listed"), [(["b", "a", "'"], "\"'\", 'a', 'b'"), ([], "none")], ids=["some", "none"]
)
def test_an_unknown_name_is_answered_with_those_that_are_known(known: list[str], listed: str) -> None:
    callbacks = Callbacks(dict.fromkeys(known, ring))
    for call in (lambda: callbacks.find("x"), lambda: callbacks.check([*known, "x", "y"])):
        with pytest.raises(IncorrectCallbackNameError) as caught:
            call()
        assert str(caught.value) == f"no callback is named 'x'; known are: {listed}"
    callbacks.check(known)
