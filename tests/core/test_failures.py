"""What is kept of a failure."""

import pytest

from taskshed._failures import MAX_ERROR_LENGTH, MAX_TRACEBACK_LENGTH, apart, describe_failure, joined, traceback_of

KEPT: dict[str, tuple[str, str, tuple[str, str | None]]] = {
    "no traceback": ("boom", "", ("boom", None)),
    "both": ("boom", "line 1\nline 2", ("boom", "line 1\nline 2")),
    "nothing": ("", "", ("", None)),
    "odd characters": ("a\0b\ud800", "c\0", ("a\\x00b\\ud800", "c\\x00")),
    "what stands between the two": ("a\x1eb", "c\x1ed", ("a\\x1eb", "c\\x1ed")),
}


@pytest.mark.parametrize(("error", "trace", "expected"), KEPT.values(), ids=KEPT)
def test_an_error_and_its_traceback_are_one_text_that_comes_apart_again(
    error: str, trace: str, expected: tuple[str, str | None]
) -> None:
    assert apart(joined(error, trace)) == expected


def test_no_text_is_no_error() -> None:
    assert apart(None) == (None, None)


def test_of_a_long_error_the_beginning_is_kept_and_of_a_long_traceback_the_end() -> None:
    error, trace = apart(joined("begin" + "x" * 10**6, "x" * 10**6 + "end"))
    assert error is not None
    assert trace is not None
    assert (len(error), error[:5]) == (MAX_ERROR_LENGTH, "begin")
    assert (len(trace), trace[-3:]) == (MAX_TRACEBACK_LENGTH, "end")


def test_a_traceback_ends_with_the_exception() -> None:
    with pytest.raises(ValueError, match="boom") as caught:
        raise ValueError("boom")
    assert describe_failure("ring", caught.value) == "callback 'ring': ValueError: boom"
    trace = traceback_of(caught.value)
    assert trace.startswith("Traceback (most recent call last):\n")
    assert trace.endswith("ValueError: boom\n")


def test_an_exception_that_cannot_be_printed_costs_only_its_traceback() -> None:
    class Broken(Exception):  # noqa: N818 - it is
        def __getattribute__(self, name: str) -> object:
            raise RuntimeError(name)

    assert isinstance(traceback_of(Broken()), str)
