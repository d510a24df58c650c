"""The callback map: the only place where a name from a datastore becomes something that can be called."""

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from taskshed.errors import IncorrectCallbackNameError
from taskshed.models import check_name
from taskshed.workers._arguments import Arguments

Callback = Callable[..., Coroutine[Any, Any, Any]]


class Callbacks:
    """Coroutine functions by name, each with what is known of its arguments."""

    def __init__(self, callback_map: Mapping[str, Callback]) -> None:
        if not isinstance(callback_map, Mapping):
            raise TypeError(f"callback_map must map names to coroutine functions, not {callback_map!r}")
        self._entries: dict[str, tuple[Callback, Arguments]] = {}
        for name, callback in callback_map.items():
            self.add(name, callback)

    def add(self, name: str, callback: Callback) -> None:
        """Register a callback.

        Raises:
            ValueError: the name is taken, empty or too long.
            TypeError: `callback` is no coroutine function, or cannot be called with arguments by name.
        """
        check_name("callback name", name)
        if name in self._entries:
            raise ValueError(f"the callback name {name!r} is taken by {self._entries[name][0]!r}")
        if not _is_coroutine_function(callback):
            raise TypeError(_not_a_coroutine_function(name, callback))
        try:
            arguments = Arguments(callback)
        except TypeError as error:
            raise TypeError(f"callback {name!r} ({callback!r}) cannot be used: {error}") from error
        self._entries[name] = callback, arguments

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def find(self, name: str) -> tuple[Callback, Arguments]:
        """What is registered under `name`.

        Raises:
            IncorrectCallbackNameError: nothing is.
        """
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(map(repr, sorted(self._entries))) or "none"
            raise IncorrectCallbackNameError(f"no callback is named {name!r}; known are: {known}") from None

    def check(self, names: Iterable[str]) -> None:
        """Raise as `find` does if one of `names` is unknown."""
        for name in names:
            self.find(name)


def _is_coroutine_function(callback: Any) -> bool:
    while isinstance(callback, functools.partial):
        callback = callback.func
    return inspect.iscoroutinefunction(callback) or (
        callable(callback) and not inspect.isclass(callback) and inspect.iscoroutinefunction(type(callback).__call__)
    )


def _not_a_coroutine_function(name: str, callback: Any) -> str:
    if not callable(callback):
        return f"callback {name!r} must be a coroutine function, not {callback!r}"
    return (
        f"callback {name!r} is {callback!r}, not a coroutine function; wrap it in one, for example: "
        "async def wrapped(**kwargs): await anyio.to_thread.run_sync(functools.partial(function, **kwargs))"
    )
