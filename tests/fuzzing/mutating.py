"""Making valid inputs hostile: bits are flipped, parts cut, repeated and exchanged, odd things put in."""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Generic, TypeVar

INTS = [0, 1, -1, 2, 7, 255, 2**31, 2**53 - 1, 2**53, -(2**53), 2**63 - 1, 2**63, -(2**63), 2**64, 10**18, 10**30]
TEXTS = [
    "",
    " ",
    "\0",
    "\r",
    "\n",
    "\t",
    "\x1a",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufeff",
    "\u202e",
    "e\u0301\u0301\u0301",
    "ß",
    "İ",
    "٣",
    "½",
    "\U0001f469\u200d\U0001f680",
    "\U0010ffff",
    "\uffff",
]
SURROGATES = ["\ud800", "\udcff", "\udfff\ud800"]
NUMBERS = [*map(str, INTS), "-0", "1e400", "-1e400", "1e-400", "nan", "inf", "-inf", "0x10", "1_000", "00", "9" * 5000]
BRACKETS = ["[", "{", '{"a":', '[{"":', "(", '"', "'", "\\", "%"]
WORDS = [*TEXTS, *NUMBERS, *BRACKETS, "null", "true", ":", ",", ";", "/", "@", "?", "#", "&", "=", "..", "]", "}"]
OCTETS = [
    b"\xff",
    b"\xfe\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xc1",
    b"\xde\xff\xff",
    b"\xdf\xff\xff\xff\xff",
]

T = TypeVar("T")  # str or bytes, which are cut and put together alike

_DEPTHS = (10, 100, 1_000, 10_000, 100_000)


class Mutator(Generic[T]):
    """Makes hostile inputs of a corpus of valid ones; now and then one stays valid.

    Args:
        pieces: what may be put in.
    """

    def __init__(self, corpus: Sequence[T], pieces: Sequence[T]) -> None:
        self._corpus = corpus
        self._pieces = pieces
        self._digits: Any = re.compile(b"[0-9]+" if isinstance(pieces[0], bytes) else "[0-9]+")
        deeds = [self._flip, self._cut, self._end, self._repeat, self._splice, self._insert, self._insert, self._count]
        self._deeds: Sequence[Callable[[Random, Any], Any]] = deeds

    def __call__(self, chance: Random) -> T:
        data: Any = chance.choice(self._corpus)
        for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 2, 3, 5))):
            data = chance.choice(self._deeds)(chance, data)
        if chance.random() < 0.005:
            piece: Any
            (start, _), piece = _span(chance, data), chance.choice(self._pieces)
            data = data[:start] + piece * (chance.choice(_DEPTHS) // (len(piece) or 1)) + data[start:]
        made: T = data
        return made

    def _flip(self, chance: Random, data: Any) -> Any:
        if not data:
            return data
        at = chance.randrange(len(data))
        if isinstance(data, bytes):
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        return data[:at] + chr(ord(data[at]) ^ 1 << chance.randrange(7)) + data[at + 1 :]

    def _cut(self, chance: Random, data: Any) -> Any:
        start, end = _span(chance, data)
        return data[:start] + data[end:]

    def _end(self, chance: Random, data: Any) -> Any:
        return data[: chance.randint(0, len(data))]

    def _repeat(self, chance: Random, data: Any) -> Any:
        start, end = _span(chance, data)
        return data[:start] + data[start:end] * chance.randint(2, 5) + data[end:]

    def _splice(self, chance: Random, data: Any) -> Any:
        other: Any = chance.choice(self._corpus)
        return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]

    def _insert(self, chance: Random, data: Any) -> Any:
        start, end = _span(chance, data)
        return data[:start] + chance.choice(self._pieces) + data[chance.choice((start, end)) :]

    def _count(self, chance: Random, data: Any) -> Any:
        """Another number in the place of one."""
        found = list(self._digits.finditer(data))
        if not found:
            return data
        at = chance.choice(found)
        number: Any = chance.choice(NUMBERS)
        return data[: at.start()] + (number.encode() if isinstance(data, bytes) else number) + data[at.end() :]


def _span(chance: Random, data: Any) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + chance.choice((0, 1, 1, 2, 4, 8, 16, 64)))


def odd_int(chance: Random) -> int:
    return chance.choice(INTS) + chance.choice((0, 0, 1, -1))


def odd_text(chance: Random) -> str:
    text = "".join(chance.choice((*WORDS, *SURROGATES, "task", "é")) for _ in range(chance.randint(0, 4)))
    return text * (chance.choice((100, 300)) if chance.random() < 0.01 else 1)


def odd_value(chance: Random, depth: int = 3) -> Any:
    """What JSON, MessagePack or a driver may bring forth."""
    match chance.randrange(12 if depth else 9):
        case 0 | 1:
            return odd_int(chance)
        case 2 | 3:
            return chance.choice(WORDS)
        case 4:
            return chance.choice((1.5, -0.0, 1e17, 1e300, -1e300, 5e-324))
        case 5:
            return chance.choice((True, False))
        case 6:
            return None
        case 7:
            return [] if chance.random() < 0.5 else {}
        case 8:
            return chance.choice(
                ("PT1S", "-PT1S", "PT0S", "P999999999D", "2030-01-02T00:00:00", "9999-12-31T23:59:59Z")
            )
        case 9 | 10:
            return [odd_value(chance, depth - 1) for _ in range(chance.randint(0, 3))]
        case _:
            return {chance.choice(WORDS): odd_value(chance, depth - 1) for _ in range(chance.randint(0, 3))}
