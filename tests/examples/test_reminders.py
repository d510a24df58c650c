"""The reminders example: reading of CSV files as tables, and whole runs as subprocesses."""

import csv
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from shipped_examples import EXAMPLES, load_example

HEADER = "message,when,every,timezone,group\n"
NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

reminders = load_example("reminders")


def run_reminders(folder: Path, *arguments: str, backend: str = "asyncio") -> tuple[int, str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", str(EXAMPLES / "reminders.py"), "--backend", backend, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    # asyncio's debug mode remarks on slow steps, which says something about the machine and nothing about us.
    errors = [line for line in done.stderr.splitlines() if not line.startswith("Executing <")]
    return done.returncode, done.stdout, errors


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("", None),
        ("10s", timedelta(seconds=10)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("90m", timedelta(minutes=90)),
    ],
)
def test_interval(text: str, interval: timedelta | None) -> None:
    assert reminders.read_interval(text) == interval


@pytest.mark.parametrize(
    "text", ["5", "5x", "s", "0s", "-5s", "1.5h", "30m1h", "10 s", "٣s", "9" * 20 + "d", "9" * 5000 + "s"]
)
def test_bad_interval(text: str) -> None:
    with pytest.raises(ValueError, match="bad interval"):
        reminders.read_interval(text)


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-12-24 18:00", BERLIN, datetime(2026, 12, 24, 17, 0, tzinfo=UTC)),
        ("2026-07-24 18:00:05", BERLIN, datetime(2026, 7, 24, 16, 0, 5, tzinfo=UTC)),
        ("2020-01-01 00:00", UTC, datetime(2020, 1, 1, tzinfo=UTC)),
        ("18:00", BERLIN, datetime(2026, 6, 15, 16, 0, tzinfo=UTC)),
        ("18:00:05", BERLIN, datetime(2026, 6, 15, 16, 0, 5, tzinfo=UTC)),
        ("13:59", BERLIN, datetime(2026, 6, 16, 11, 59, tzinfo=UTC)),  # it is 14:00 there
        ("14:00", BERLIN, datetime(2026, 6, 16, 12, 0, tzinfo=UTC)),
        ("01:00", ZoneInfo("Pacific/Kiritimati"), datetime(2026, 6, 16, 11, 0, tzinfo=UTC)),  # 02:00 on the 16th there
        ("03:00", ZoneInfo("Pacific/Kiritimati"), datetime(2026, 6, 15, 13, 0, tzinfo=UTC)),
        ("23:00", ZoneInfo("Pacific/Pago_Pago"), datetime(2026, 6, 16, 10, 0, tzinfo=UTC)),
        ("2026-03-29 02:30", BERLIN, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # no such time that night
        ("2026-10-25 02:30", BERLIN, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # twice that night: the first
    ],
)
def test_when(text: str, zone: ZoneInfo, moment: datetime) -> None:
    assert reminders.read_when(text, zone, NOW) == moment


def test_when_without_zone_is_local_time() -> None:
    assert reminders.read_when("2026-12-24 18:00", None, NOW) == datetime(2026, 12, 24, 18, 0).astimezone()


@pytest.mark.parametrize("night", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_time_of_day_is_ahead_and_near_in_nights_when_clocks_change(night: datetime) -> None:
    for minutes in range(0, 180, 10):
        now = night + timedelta(minutes=minutes)
        assert now < reminders.read_when("02:30", BERLIN, now) <= now + timedelta(hours=25)


@pytest.mark.parametrize(
    "text",
    [
        "25:00",
        "18",
        "18:60",
        "18:00:00:00",
        "6pm",
        "2026-02-30 10:00",
        "2026-12-24",
        "24.12.2026 18:00",
        "0000-01-01 00:00",
    ],
)
def test_bad_when(text: str) -> None:
    with pytest.raises(ValueError, match="bad time"):
        reminders.read_when(text, BERLIN, NOW)


def test_when_past_the_calendar() -> None:
    with pytest.raises(ValueError, match="bad time"):
        reminders.read_when("9999-12-31 23:59", ZoneInfo("Pacific/Pago_Pago"), NOW)


@pytest.mark.parametrize("name", ["Europe/Berln", "Europe", "../etc/passwd", "/etc/passwd", "a\0b"])
def test_unknown_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        reminders.read_timezone(name)


@pytest.mark.parametrize(
    ("when", "every", "first"),
    [
        (None, timedelta(minutes=5), NOW + timedelta(minutes=5)),
        (NOW + timedelta(hours=1), None, NOW + timedelta(hours=1)),
        (NOW - timedelta(hours=1), None, NOW - timedelta(hours=1)),
        (NOW + timedelta(hours=1), timedelta(minutes=5), NOW + timedelta(hours=1)),
        (NOW - timedelta(minutes=12), timedelta(minutes=5), NOW + timedelta(minutes=3)),
        (NOW - timedelta(minutes=10), timedelta(minutes=5), NOW),
    ],
)
def test_first_run(when: datetime | None, every: timedelta | None, first: datetime) -> None:
    assert reminders.first_run(when, every, NOW) == first


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("x,18:00,,Europe/Berln,", "unknown time zone 'Europe/Berln'"),
        ("x,25:00,,,", "bad time '25:00'; write it like 18:00, 18:00:05 or 2026-12-24 18:00"),
        ("x,,5x,,", "bad interval '5x'; write it like 10s, 5m, 1h30m or 2d"),
        (",18:00,,,", "the message is missing"),
        ("x,,,,", "when and every are both empty; give one of them, or both"),
        ("x,18:00", "the number of columns is 2, not 5; check the commas and quotes"),
        ("x, y,18:00,,,", "the number of columns is 6, not 5; check the commas and quotes"),
        ('"x,18:00,,,', "the number of columns is 1, not 5; check the commas and quotes"),
        ('"x"y,18:00,,,', "the number of columns is 1, not 5; check the commas and quotes"),
        ("x,,999999999d,,", "with an interval of 999999999 days, 0:00:00 it would come after the year 9999"),
        (f"x,18:00,,,{'g' * 256}", "group_id has 256 characters, at most 255 are allowed"),
    ],
)
def test_bad_row_is_named_by_its_line_and_the_others_stay(row: str, reason: str) -> None:
    lines = [HEADER, "before,,1s,,\n", "\n", row + "\n", "after,,1s,,\n"]
    tasks, ((line, told),) = reminders.read_reminders(lines, NOW)
    assert [task.kwargs["message"] for task in tasks] == ["before", "after"]
    assert line == 4
    assert told.startswith(reason)


def test_row_over_several_lines_counts_as_its_first() -> None:
    lines = [HEADER, '"one,\r\n', 'two",,1s,,\r\n', "x,,,,\r\n"]
    (task,), bad_rows = reminders.read_reminders(lines, NOW)
    assert task.kwargs == {"message": "one,\r\ntwo"}
    assert [line for line, _ in bad_rows] == [4]


def test_row_becomes_the_same_task_every_time() -> None:
    lines = ["group,timezone,every,when,message\n", " home , Europe/Berlin , 7d , 2026-06-20 18:00 , Flowers\n"]
    (task,), bad_rows = reminders.read_reminders(lines, NOW)
    (later,), _ = reminders.read_reminders(lines, NOW + timedelta(days=100))
    assert bad_rows == []
    assert (task.run_at, task.interval) == (datetime(2026, 6, 20, 16, 0, tzinfo=UTC), timedelta(days=7))
    assert (task.group_id, task.kwargs, task.run_type) == ("home", {"message": "Flowers"}, "recurring")
    assert later.task_id == task.task_id


@pytest.mark.parametrize("header", ["", "message,when\n", "message;when;every;timezone;group\n", '"message,when\n'])
def test_bad_header(header: str) -> None:
    with pytest.raises(ValueError, match="the first line has to be message,when,every,timezone,group"):
        reminders.read_reminders([header, "x,,1s,,\n"], NOW)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_shipped_file(tmp_path: Path, backend: str) -> None:
    shipped = EXAMPLES / "reminders.csv"
    code, output, errors = run_reminders(tmp_path, str(shipped), backend=backend)
    assert (code, errors) == (0, [])
    assert output.count("[health] Blink now and then") >= 2
    with shipped.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            assert f"  {row['message']}\n" in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_bad_rows_do_not_keep_the_others_from_running(tmp_path: Path, backend: str) -> None:
    rows = "x,18:00,,Europe/Berln,\nFlowers für Zoë 🌿,,1s,,home\ny,,,,\nx,2020-01-01 10:00,,UTC,\n"
    (tmp_path / "my.csv").write_text(HEADER + rows, encoding="utf-8-sig")
    code, output, errors = run_reminders(tmp_path, "my.csv", "--seconds", "1.5", backend=backend)
    assert code == 1
    assert errors == [
        "my.csv:2: unknown time zone 'Europe/Berln'",
        "my.csv:4: when and every are both empty; give one of them, or both",
    ]
    assert output.count("[home] Flowers für Zoë 🌿") >= 1
    assert output.count("x (was due ") == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_database_keeps_what_was_missed(tmp_path: Path, backend: str) -> None:
    (tmp_path / "my.csv").write_text(HEADER + "x,,1s,,\n")
    arguments = "my.csv", "--database", "sqlite:///my.db", "--seconds"
    assert run_reminders(tmp_path, *arguments, "0.1", backend=backend)[0] == 0
    code, output, errors = run_reminders(tmp_path, *arguments, "1.5", backend=backend)
    assert (code, errors) == (0, [])
    assert output.count("x\n") > 1  # told of, and run


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "cannot read my.csv: "),
        (b"", "my.csv: the first line has to be message,when,every,timezone,group"),
        (b"message,when\nx,18:00\n", "my.csv: the first line has to be message,when,every,timezone,group"),
        (b"\x89PNG\r\n\x1a\n\0\0", "my.csv is not UTF-8 text; save it as CSV UTF-8"),
        ((HEADER + "für,,1s,,\n").encode("latin-1"), "my.csv is not UTF-8 text; save it as CSV UTF-8"),
    ],
)
def test_file_that_will_not_do(tmp_path: Path, content: bytes | None, error: str) -> None:
    if content is not None:
        (tmp_path / "my.csv").write_bytes(content)
    code, output, errors = run_reminders(tmp_path, "my.csv")
    assert (code, output) == (2, "")
    (told,) = errors
    assert told.startswith(error)


@pytest.mark.parametrize("url", ["oracle://host", "no-url", "sqlite:///my.csv"])
def test_database_that_will_not_do(tmp_path: Path, url: str) -> None:
    (tmp_path / "my.csv").write_text(HEADER + "x,,1s,,\n")
    code, _, errors = run_reminders(tmp_path, "my.csv", "--database", url)
    assert code == 2
    (told,) = errors
    assert told.startswith("cannot use the database: ")
