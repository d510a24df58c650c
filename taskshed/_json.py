"""Arguments as JSON, bounded, with errors that say which argument."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import msgspec

MAX_KWARGS_SIZE = 2**20  # bytes
MAX_DEPTH = 100

_encoder = msgspec.json.Encoder()
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')


def encode_kwargs(kwargs: Mapping[str, Any], max_size: int = MAX_KWARGS_SIZE) -> msgspec.Raw:
    """Encode the arguments of a task, which may take `max_size` bytes.

    Raises:
        TypeError: a value is of a type that has no form in JSON.
        ValueError: a value would not come back as it is: a NaN, an infinity, invalid text, a cycle; or it is too large,
            or too deeply nested.
    """
    try:
        encoded = _encoder.encode(kwargs)
        if b"null" in encoded:  # which is how JSON writers render what is not a number
            _refuse_what_is_no_number(kwargs)
    except RecursionError:
        raise ValueError("kwargs is nested too deeply, or contains itself") from None
    except _NotANumberError as error:
        raise ValueError(str(error)) from None
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{_culprit(kwargs)} cannot be written as JSON: {error}") from error
    if len(encoded) > max_size:
        raise ValueError(
            f"kwargs takes {len(encoded):,} bytes as JSON, at most {max_size:,} are allowed; "
            "keep large data elsewhere and pass its name, or raise max_kwargs_size"
        )
    if is_deeper_than(MAX_DEPTH, encoded):
        raise ValueError(f"kwargs is nested more than {MAX_DEPTH} levels deep")
    return msgspec.Raw(encoded)


def is_deeper_than(levels: int, encoded: bytes) -> bool:
    """Whether lists and objects are nested deeper than that in what is written as JSON."""
    if encoded.count(b"[") + encoded.count(b"{") <= levels:
        return False
    depth = 0
    for character in _TEXT.sub(b"", encoded):
        if character in b"[{":
            depth += 1
            if depth > levels:
                return True
        elif character in b"]}":
            depth -= 1
    return False


class _NotANumberError(Exception):
    pass


def _refuse_what_is_no_number(kwargs: Mapping[str, Any]) -> None:
    for path, leaf in _leaves("kwargs", kwargs):
        value = leaf.value if isinstance(leaf, Enum) else leaf
        if isinstance(value, float) and not math.isfinite(value):
            raise _NotANumberError(f"{path} is {value}, which JSON cannot express")


def _culprit(kwargs: Mapping[str, Any]) -> str:
    try:
        for path, leaf in _leaves("kwargs", kwargs):
            try:
                _encoder.encode(leaf)
            except (TypeError, ValueError, OverflowError):
                return path
    except RecursionError:
        pass
    return "kwargs"


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values without parts inside `value`, each with the expression that leads to it."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"{path} key {key!r}", key if isinstance(key, str) else {key: None}
            yield from _leaves(f"{path}[{key!r}]", part)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, part in enumerate(value):
            yield from _leaves(f"{path}[{index}]", part)
    elif names := _field_names(value):
        for name in names:
            yield from _leaves(f"{path}.{name}", getattr(value, name))
    else:
        yield path, value


def _field_names(value: Any) -> list[str]:
    if isinstance(value, type):
        return []
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif isinstance(value, msgspec.Struct):
        names = list(value.__struct_fields__)
    else:
        names = [field.name for field in getattr(value, "__attrs_attrs__", ())]
    return [name for name in names if hasattr(value, name)]
