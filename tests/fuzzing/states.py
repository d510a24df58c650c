"""What may have become of the fields of a task in Redis."""

from random import Random
from typing import Any

import msgspec
from fuzzing.mutating import INTS, NUMBERS, OCTETS, WORDS, Mutator, odd_int, odd_value
from fuzzing.records import BODIES, NOW

_STATES: list[dict[str, Any]] = [
    {"run_at": NOW},
    {"run_at": NOW, "token": 7, "attempts": 1, "leased_until": NOW},
    {"run_at": NOW, "paused_at": NOW},
    {"run_at": NOW, "failed_at": NOW, "error": "callback 'ring' failed"},
    {"run_at": str(2**53), "progress": '{"runs":3}'},
]
_NAMES = ["run_at", "token", "attempts", "error", "progress", "colour"]
_NAMES += ["paused_at", "leased_until", "cancelled_at", "failed_at"]
_INSTANTS = [NOW, str(NOW), 1.5, "1e17", "1.", ".5", "+5", "-5", "5e", "1-1", "--5", "0x10", " 5", "nan", "inf", "\0"]
SCORES = [b"%d" % NOW, b"1.5", b"-1.5", b"1e+17", b"inf", b"-inf", b"1e300", b"-1e300", b"9007199254740993", b"0"]
_HEADS = [
    b"5:group",
    b"0:",
    b"",
    b"x:",
    b"99:group",
    b"-1:",
    b"007:",
    b"5:gr\xffup",
    b"5:group:",
    b"%d:" % 10**30,
    b"1e1:",
]

_mutated_state = Mutator([msgspec.msgpack.encode(state) for state in _STATES], [*OCTETS, b"\x91", b"\x81", b"\xc0"])
mutated_body = Mutator([b"5:group" + body.encode() for body in BODIES], [word.encode() for word in WORDS] + OCTETS)
mutated_score = Mutator(SCORES, [number.encode() for number in NUMBERS])


def hostile_state(chance: Random) -> bytes:
    """MessagePack, or what was that."""
    if chance.random() < 0.4:
        return _mutated_state(chance)
    state: dict[Any, Any] = dict(chance.choice(_STATES))
    for name in chance.sample(_NAMES, chance.randint(1, 3)):
        state[name] = chance.choice(_INSTANTS) if chance.random() < 0.5 else _packable(chance)
    if chance.random() < 0.1:
        state[chance.choice((5, -1, 1.5, b"\xff", True, ""))] = _packable(chance)
    return msgspec.msgpack.encode(state)


def hostile_text(chance: Random) -> bytes:
    """A body with its group before it, or what was that."""
    if chance.random() < 0.5:
        return mutated_body(chance)
    return chance.choice(_HEADS) + chance.choice(BODIES).encode()


def _packable(chance: Random) -> Any:
    value = odd_int(chance) if chance.random() < 0.3 else odd_value(chance, 2)
    return _in_64_bits(value)


def _in_64_bits(value: Any) -> Any:
    match value:
        case int() if not -(2**63) <= value < 2**64:
            return float(value)
        case list():
            return [_in_64_bits(part) for part in value]
        case dict():
            return {key: _in_64_bits(part) for key, part in value.items()}
        case _:
            return value


def hostile_id(chance: Random) -> bytes:
    """A task id, mostly one that is text."""
    return b"".join(chance.choice((b"task", b"\xc3\xa9", b"\0", b":", *OCTETS)) for _ in range(chance.randint(0, 2)))


ODD_TOKENS = [b"garbage", b"", b"nan", b"-5", b"1.5", *(b"%d" % number for number in INTS)]
