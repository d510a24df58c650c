"""Records as the scripts keep them, and what becomes of those that somebody has spoilt: no server needed."""

from typing import Any

import msgspec
import pytest

from taskshed._records import Record
from taskshed.datastores._redis._rows import record_of, row_to_add

TWO_TO_53 = 2**53


def stored(record: Record) -> Record:
    """What comes back of a record, if the server keeps what it is told."""
    task_id, body, _, run_at, state = row_to_add(record)
    packed = None if state is None else msgspec.msgpack.encode(state | {"run_at": run_at})
    return record_of((task_id.encode(), body.encode(), str(run_at).encode(), packed))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"group_id": "g"},
        {"group_id": "3:ü:{}"},
        {"body": ""},
        {"body": "not JSON"},
        {"run_at": -5},
        {"run_at": TWO_TO_53 - 1},
        {"paused_at": 5},
        {"paused_at": TWO_TO_53 + 1, "run_at": TWO_TO_53 + 1},
        {"leased_until": 9, "token": 7, "attempts": 2},
        {"failed_at": 0, "error": "ring failed: ünïcödé"},
        {"progress": '{"runs":3}'},
        {"error": "", "progress": ""},
    ],
)
def test_a_record_comes_back_as_it_was(fields: dict[str, Any]) -> None:
    values: dict[str, Any] = {"task_id": "täsk", "body": "{}", "run_at": 17}
    record = Record(**values | fields)
    assert stored(record) == record


def test_an_idle_task_needs_no_state() -> None:
    assert row_to_add(Record(task_id="a", body="{}", run_at=17, group_id="g")) == ["a", "1:g{}", "g", 17, None]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((b"a", b"{}", b"1", None), "invalid literal for int"),
        ((b"a", b"x:{}", b"1", None), "invalid literal for int"),
        ((b"a", b"0:\xff", b"1", None), "'utf-8' codec can't decode"),
        ((b"a", b"1:\xff{}", b"1", None), "'utf-8' codec can't decode"),
        ((b"a", b"0:{}", None, None), "it has no due time"),
        ((b"a", b"0:{}", None, b"\x82\xa6run_at\x01\xa5token\x01"), "it has lost its due time"),
        ((b"a", b"0:{}", b"inf", None), "cannot convert float infinity"),
        ((b"a", b"0:{}", b"1", b"\xc1"), "MessagePack"),
        ((b"a", b"0:{}", b"1", b"\x81\xa6run_at\xc0"), "run_at"),
        ((b"a", b"0:{}", b"1", b"\x81\xa5token\x01"), "run_at"),
        ((b"a", b"0:{}", b"1", b"\x93\x01\x02\x03"), "array"),
    ],
)
def test_a_spoilt_row_is_a_failed_task_that_says_why(row: Any, says: str) -> None:
    record = record_of(row)
    assert record.task_id == "a"
    assert record.failed_at is not None
    assert record.due is None
    assert record.error is not None
    assert record.error.startswith("the stored task cannot be read: ")
    assert says in record.error


def test_a_name_that_is_no_text_is_shown_as_far_as_it_goes() -> None:
    assert record_of((b"a\xff", b"0:{}", b"1", None)).task_id == "a\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(("score", "run_at"), [(b"1.5", 1), (b"1e+17", 10**17), (b"-3", -3)])
def test_scores_that_are_no_plain_numbers(score: bytes, run_at: int) -> None:
    assert record_of((b"a", b"0:{}", score, None)).run_at == run_at
