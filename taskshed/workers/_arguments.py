"""From stored JSON to what a callback's annotations ask for."""

import functools
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

_kwargs_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_plain_decoder = msgspec.json.Decoder(Any)


class Arguments:
    """The arguments one callback takes, each with a decoder for its annotation.

    A parameter without an annotation, or with one that msgspec cannot make from JSON, gets plain JSON.

    Raises:
        TypeError: the callback has a parameter that cannot be given by name.
    """

    def __init__(self, callback: Callable[..., Any]) -> None:
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self._extra_decoder: msgspec.json.Decoder[Any] | None = None
        self._required: list[str] = []
        annotations = _annotations(callback)
        for name, parameter in inspect.signature(callback).parameters.items():
            decoder = _decoder(annotations.get(name, Any))
            if parameter.kind is parameter.VAR_KEYWORD:
                self._extra_decoder = decoder
            elif parameter.kind is parameter.POSITIONAL_ONLY and parameter.default is parameter.empty:
                raise TypeError(f"its parameter {name!r} is positional-only, but arguments are given by name")
            elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                self._decoders[name] = decoder
                if parameter.default is parameter.empty:
                    self._required.append(name)

    def decode(self, kwargs: msgspec.Raw) -> dict[str, Any]:
        """The arguments for one call.

        Raises:
            TypeError: one is missing, unknown, or not of its annotation's type; the message names it.
        """
        try:
            given = _kwargs_decoder.decode(kwargs)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise TypeError(f"arguments: {error}") from error
        missing = [name for name in self._required if name not in given]
        if missing:
            raise TypeError(f"missing {_listed(missing)}")
        unknown = [name for name in given if name not in self._decoders]
        if unknown and self._extra_decoder is None:
            raise TypeError(f"unexpected {_listed(unknown)}")
        return {name: self._decode_one(name, value) for name, value in given.items()}

    def _decode_one(self, name: str, value: msgspec.Raw) -> Any:
        decoder = self._decoders.get(name) or self._extra_decoder or _plain_decoder
        try:
            return decoder.decode(value)
        except (msgspec.MsgspecError, NotImplementedError, RecursionError) as error:
            raise TypeError(f"argument {name!r}: {error}") from error


def _listed(names: list[str]) -> str:
    return f"argument{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _annotations(callback: Callable[..., Any]) -> Mapping[str, Any]:
    function = inspect.unwrap(callback)
    while isinstance(function, functools.partial):
        function = function.func
    if not inspect.isroutine(function):
        function = type(function).__call__
    resolved: dict[str, Any] = {}
    # One at a time: an annotation that names nothing at run time asks for nothing, and the others still count.
    for name, annotation in getattr(function, "__annotations__", {}).items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        with suppress(Exception):
            resolved |= typing.get_type_hints(alone, getattr(function, "__globals__", None), include_extras=True)
    return resolved


def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    try:
        if _mentions_unknown_class(msgspec.inspect.type_info(annotation)):
            return _plain_decoder
        return msgspec.json.Decoder(annotation)
    except Exception:  # msgspec has many ways to say that it does not know a type
        return _plain_decoder


def _mentions_unknown_class(info: Any) -> bool:
    if isinstance(info, msgspec.inspect.CustomType):
        return True
    parts = [getattr(info, name) for name in ("type", "item_type", "key_type", "value_type") if hasattr(info, name)]
    for name in ("item_types", "types"):
        parts += getattr(info, name, ())
    return any(_mentions_unknown_class(part) for part in parts)
