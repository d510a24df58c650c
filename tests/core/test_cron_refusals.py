"""What is no cron schedule, and what the error says."""

from datetime import datetime, tzinfo
from typing import Any

import msgspec
import pytest

from taskshed.schedules import Cron, Interval

FIELDS = {
    # expression: what the message names
    "60 * * * *": "the minute '60', which must be * or from 0-59",
    "-1 * * * *": "the minute '-1'",
    "* 24 * * *": "the hour '24', which must be * or from 0-23",
    "* * 0 * *": "the day '0', which must be * or from 1-31",
    "* * 32 * *": "the day '32'",
    "* * * 13 *": "the month '13', which must be * or from 1-12 or jan-dec",
    "* * * mon *": "the month 'mon'",
    "* * * january *": "the month 'january'",
    "* * * * 8": "the weekday '8', which must be * or from 0-7",
    "* * * * jan": "the weekday 'jan'",
    "* * * * fri-mon": "the weekday 'fri-mon'",
    "* * * * mon#6": "the weekday 'mon#6'",
    "* * * * #2": "the weekday '#2'",
    "* * * * L": "the weekday 'L'",
    "* * * * friL": "the weekday 'friL'",
    "* * * * ſun": "the weekday 'ſun'",  # its capital letter is S
    "* * L/2 * *": "the day 'L/2', a step without range",
    "* * 15W * *": "the day '15W'",
    "* * L-3 * *": "the day 'L-3'",
    "4/3 * * * *": "the minute '4/3', a step without range; say '*/2' or '1-5/2'",
    "1,4/3 * * * *": "the minute '1,4/3', a step without range",
    "*/0 * * * *": "the minute '*/0'",
    "*/ * * * *": "the minute '*/'",
    "/5 * * * *": "the minute '/5'",
    "*/5/2 * * * *": "the minute '*/5/2'",
    "5-1 * * * *": "the minute '5-1'",
    "1-2-3 * * * *": "the minute '1-2-3'",
    "1-60/5 * * * *": "the minute '1-60/5'",
    "1, * * * *": "the minute '1,'",
    ", * * * *": "the minute ','",
    "? * * * *": "the minute '?'",
    "H * * * *": "the minute 'H'",
    "1.5 * * * *": "the minute '1.5'",
    "+1 * * * *": "the minute '+1'",
    "٣ * * * *": "the minute '٣'",
    "\0 * * * *": r"the minute '\x00'",
}


@pytest.mark.parametrize(("expression", "named"), FIELDS.items(), ids=map(ascii, FIELDS))
def test_a_bad_field_is_named(expression: str, named: str) -> None:
    with pytest.raises(ValueError, match=r"^cron has ") as caught:
        Cron(expression)
    assert named in str(caught.value)
    assert str(caught.value).endswith(f": {expression!r}")


WHOLE = {
    # expression: the message
    "": "cron must have five fields (minute hour day month weekday), not 0: ''",
    "   ": "cron must have five fields (minute hour day month weekday), not 0: ''",
    "0 0 * *": "cron must have five fields (minute hour day month weekday), not 4: '0 0 * *'",
    "0 0 0 * * *": "cron must have five fields (minute hour day month weekday), not 6: '0 0 0 * * *'",
    "CRON_TZ=UTC 0 0 * * *": "cron must have five fields (minute hour day month weekday), not 6: ",
    "every day": "cron must have five fields (minute hour day month weekday), not 2: 'every day'",
    "@every 5m": "cron must have five fields (minute hour day month weekday), not 2: '@every 5m'",
    "@reboot": "cron must have five fields or be one of @hourly, @daily, ",
    "0 0 30 2 *": "cron '0 0 30 2 *' never comes",
    "0 0 31 4,6,9,11 *": "cron '0 0 31 4,6,9,11 *' never comes",
    "0 0 */31 * mon#2": "cron '0 0 */31 * mon#2' never comes",
}


@pytest.mark.parametrize(("expression", "message"), WHOLE.items(), ids=map(repr, WHOLE))
def test_what_is_no_expression_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"^cron ") as caught:
        Cron(expression)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("term", ["9", "9-", "9/", ",", "a-"], ids=repr)
def test_a_long_expression_is_refused_like_a_short_one(term: str) -> None:
    with pytest.raises(ValueError, match=r"^cron has the minute"):
        Cron(f"{term * 5000} * * * *")


ZONES = [
    "", " ", "Mars/Base", "Berlin", "America", "America/", "Europe/Berlin ", "Europe/Berlin/x", "/etc/passwd", "../x",
    "Europe/../Europe/Berlin", "./UTC", "UTC\0", "\0", "x" * 300, "x" * 5000, "x/" * 5000, "\ud800", "é", "zone.tab",
    "tzdata.zi", "__init__.py", "+01:00", "UTC+1",
]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES, ids=[ascii(zone)[:30] for zone in ZONES])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match=r"^timezone must be an IANA name such as 'Europe/Berlin', not ") as caught:
        Cron("@daily", timezone=zone)
    assert str(caught.value).endswith(repr(zone))


@pytest.mark.parametrize("value", [None, 5, b"@daily", ["@daily"]], ids=repr)
def test_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^cron must be a str"):
        Cron(value)
    with pytest.raises(TypeError, match=r"^timezone must be a str"):
        Cron("@daily", timezone=value)


class Nowhere(tzinfo):
    def utcoffset(self, _moment: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


NO_INSTANTS: dict[str, tuple[Any, type[Exception]]] = {
    "naive": (datetime(2026, 1, 1), ValueError),
    "as good as naive": (datetime(2026, 1, 1, tzinfo=Nowhere()), ValueError),
    "a date": (datetime(2026, 1, 1).date(), TypeError),
    "a number": (1_700_000_000, TypeError),
    "nothing": (None, TypeError),
}


@pytest.mark.parametrize(("instant", "error"), NO_INSTANTS.values(), ids=NO_INSTANTS)
def test_what_is_no_instant_is_refused(instant: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^instant must"):
        Cron("@daily").next_after(instant)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"type":"cron","expression":"61 * * * *"}', "^cron has the minute '61'"),
        ('{"type":"cron","expression":"@daily","timezone":"Mars/Base"}', "^timezone must be"),
        ('{"type":"cron","expression":5}', "Expected `str`, got `int`"),
        ('{"type":"cron"}', "missing required field `expression`"),
    ],
    ids=["field", "zone", "type", "nothing"],
)
def test_json_of_no_schedule_is_refused(text: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.json.decode(text, type=Cron | Interval)
