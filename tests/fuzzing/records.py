"""Stored tasks, healthy ones and what may have become of them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from fuzzing.mutating import TEXTS, WORDS, Mutator, odd_int, odd_text, odd_value

from taskshed._clock import to_micros
from taskshed._records import Record, freeze
from taskshed.models import Task

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NOW = to_micros(NOON)
CALLBACKS = ("plain", "typed", "failing", "extra")

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
_KWARGS = {"number": 7, "when": NOON, "parts": [{"a": [1, None, 0.5]}, "é\U0001f680"], "price": "1.50"}
TASKS = [
    Task(callback="plain", run_at=NOON),
    Task(callback="typed", run_at=NOON, kwargs=_KWARGS, group_id="group", misfire_grace=_SECOND),
    Task(callback="extra", run_at=NOON, kwargs={"x": {"y": [[]]}}),
    Task(callback="failing", run_at=NOON - 600 * _SECOND, interval=_SECOND, coalesce=False, jitter=_SECOND),
    Task(callback="plain", run_at=NOON - 600 * _SECOND, interval=_DAY, overlap="allow", max_runs=3),
    Task(callback="plain", run_at=NOON, interval=_SECOND, fixed_delay=True, end_at=NOON + _DAY, overlap="queue"),
    Task(callback="failing", run_at=NOON - 2 * _DAY, cron="30 2 * * mon-fri", timezone="Europe/Berlin", jitter=_DAY),
    Task(
        callback="plain", run_at=NOON - 900 * _SECOND, cron="*/5 * L * *", misfire_grace=60 * _SECOND, overlap="allow"
    ),
]
HEALTHY = [freeze(task, NOW - 10**12, chance=0.5) for task in TASKS]
BODIES = [record.body for record in HEALTHY]
PROGRESSES = ['{"runs":3}', '{"runs":3,"skipped":2,"delay":500,"delayed_to":1893499200000000}', "{}"]

_FIELDS: dict[str, list[Any]] = {
    "callback": [*CALLBACKS, *TEXTS, 5],
    "kwargs": [{}, [], {"number": "7"}, {"unknown": 1}, "text", None],
    "schedule": [
        {"type": "interval", "every": "PT0.000001S"},
        {"type": "interval", "every": "P999999999D"},
        {"type": "interval", "every": "-PT1S"},
        {"type": "cron", "expression": "* * * * *", "timezone": "Europe/London"},
        {"type": "cron", "expression": "0 0 29 2 *", "timezone": "Pacific/Apia"},
        {"type": "cron", "expression": "0 0 31 2 *"},
        {"type": "cron", "expression": "@yearly", "timezone": "../../etc/passwd"},
        {"type": "cron", "expression": " ".join("1-59/2,3" * 20 for _ in range(5))},
        {"type": "other"},
    ],
    "coalesce": [True, False],
    "fixed_delay": [True, False],
    "misfire_grace": ["PT0S", "PT1S", "-PT1S", "P999999999D"],
    "jitter": ["PT0S", "PT1S", "-PT1S", "P999999999D"],
    "overlap": ["skip", "queue", "allow", "other"],
    "end_at": ["2030-01-01T12:00:00", "2030-01-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"],
    "max_runs": [0, -1, 1, 2**64],
    "timeout": ["PT0S", "PT1S", "-PT1S", "P999999999D"],
    "retry": [
        {"max_attempts": 9},
        {"max_attempts": 0},
        {"max_attempts": 2**63, "delay": "P36500D", "max_delay": "P36500D", "multiplier": 1000, "jitter": "P36500D"},
        {"delay": "P999999999D"},
        {"multiplier": 1e308},
        {"multiplier": "2"},
        [],
    ],
    "occurrence_of": ["task", *TEXTS],
}
_PROGRESS = ("runs", "skipped", "delay", "delayed_to")
_INSTANTS = [NOW, NOW - 1, NOW + 1, NOW - 10**9, -62_135_596_800_000_000, 253_402_300_799_999_999]

mutated_body = Mutator(BODIES, WORDS)
_mutated_progress = Mutator(PROGRESSES, WORDS)


def hostile_record(chance: Random) -> Record:
    """A claimed task of which anything may be spoilt."""
    healthy = chance.choice(HEALTHY)
    fields: dict[str, Any] = {"token": 7, "attempts": 1, "leased_until": NOW + 10**6}
    for name, odd in _ODD.items():
        if chance.random() < (0.03 if name == "run_at" else 0.15):  # for to count what was missed takes long
            fields[name] = odd(chance)
    match chance.randrange(4):
        case 0:
            fields["body"] = mutated_body(chance)
        case 1 | 2:
            fields["body"] = _rewritten(chance, healthy.body)
    if chance.random() < 0.4:
        fields["progress"] = _progress(chance, fields.get("run_at", healthy.run_at))
    return msgspec.structs.replace(healthy, **fields)


def _instant(chance: Random) -> int:
    return odd_int(chance) if chance.random() < 0.5 else chance.choice(_INSTANTS)


def _instant_or_none(chance: Random) -> int | None:
    return _instant(chance) if chance.random() < 0.5 else None


def _anything(chance: Random) -> Any:
    return odd_value(chance) if chance.random() < 0.9 else b"\xff" * chance.randint(0, 3)


_ODD: dict[str, Callable[[Random], Any]] = {
    "task_id": odd_text,
    "group_id": odd_text,
    "run_at": _instant,
    "paused_at": _instant_or_none,
    "leased_until": _instant_or_none,
    "failed_at": _instant_or_none,
    "token": odd_int,
    "attempts": odd_int,
    "error": odd_text,
}


def _rewritten(chance: Random, body: str) -> str:
    """A body that is JSON, with some of its fields of another kind."""
    fields = json.loads(body)
    for name in chance.sample(list(_FIELDS), chance.randint(1, 4)):
        fields[name] = chance.choice(_FIELDS[name]) if chance.random() < 0.9 else odd_value(chance)
    return json.dumps(fields, ensure_ascii=chance.random() < 0.5)


def _progress(chance: Random, run_at: Any) -> str:
    if chance.random() < 0.4:
        return _mutated_progress(chance)
    fields: dict[str, Any] = {name: odd_int(chance) for name in _PROGRESS if chance.random() < 0.5}
    if chance.random() < 0.7:
        fields["delayed_to"] = run_at
    return json.dumps(fields)


def of_any_type(chance: Random, record: Record) -> Record:
    """The same with a value of any type in a field, as a database without types may have it."""
    return msgspec.structs.replace(record, **{chance.choice(Record.__struct_fields__): _anything(chance)})
