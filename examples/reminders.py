"""Reminders from a CSV file with the columns message, when, every, timezone and group.

when      a local time, 18:00 or 18:00:05 (the next one), or a date and a time, 2026-12-24 18:00
every     an interval such as 10s, 5m, 1h30m or 2d, counted from `when` or else from now
timezone  of `when`, such as Europe/Berlin; empty for this machine's
group     any name, or empty

A row has `when`, `every` or both. A bad row is named and left out, and the exit code is 1.
With a database that stays, an unchanged row goes on where it was, and what it missed is made up for, once.
"""

import argparse
import csv
import hashlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio

import taskshed

COLUMNS = ("message", "when", "every", "timezone", "group")
INTERVAL = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def read_reminders(lines: Sequence[str], now: datetime) -> tuple[list[taskshed.Task], list[tuple[int, str]]]:
    """Make tasks of a CSV file's reminders, and name the line of each bad row and what is wrong with it."""
    rows = read_rows(lines)
    _, header = next(rows, (1, []))
    if sorted(header) != sorted(COLUMNS):
        raise ValueError(f"the first line has to be {','.join(COLUMNS)}")
    tasks: list[taskshed.Task] = []
    bad_rows: list[tuple[int, str]] = []
    for line, row in rows:
        try:
            tasks.append(read_task(header, row, now))
        except ValueError as error:
            bad_rows.append((line, str(error)))
    return tasks, bad_rows


def read_rows(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each row and the line it begins on, without blank lines; a row that is no CSV comes as one column."""
    taken = 0
    while taken < len(lines):
        line = taken + 1
        reader = csv.reader(map(lines.__getitem__, range(taken, len(lines))), strict=True)
        try:
            row = [value.strip() for value in next(reader)]
        except csv.Error:
            taken += 1  # not all that was read: a quote left open swallows the lines after it
            yield line, [lines[line - 1].strip()]
        else:
            taken += reader.line_num
            if row not in ([], [""]):
                yield line, row


def read_task(header: Sequence[str], row: Sequence[str], now: datetime) -> taskshed.Task:
    """Make a task of one row; a `ValueError` says what is wrong with it."""
    if len(row) != len(header):
        raise ValueError(f"the number of columns is {len(row)}, not {len(header)}; check the commas and quotes")
    fields = dict(zip(header, row, strict=True))
    message, when, every, timezone, group = (fields[column] for column in COLUMNS)
    if not message:
        raise ValueError("the message is missing")
    zone = read_timezone(timezone)
    interval = read_interval(every)
    return taskshed.Task(
        callback="remind",
        run_at=first_run(read_when(when, zone, now), interval, now),
        run_type="recurring" if interval else "once",
        interval=interval,
        # The same row is the same task whenever the file is read.
        task_id=hashlib.sha256(repr(fields).encode()).hexdigest(),
        group_id=group or None,
        kwargs={"message": message},
    )


def read_timezone(name: str) -> ZoneInfo | None:
    """Find a time zone; None is this machine's."""
    try:
        return ZoneInfo(name) if name else None
    except (LookupError, ValueError, OSError):  # OSError: it names a folder of zones, such as Europe
        raise ValueError(f"unknown time zone {name!r}") from None


def read_interval(text: str) -> timedelta | None:
    """Read an interval such as 10s, 5m, 1h30m or 2d; None if there is none."""
    if not text:
        return None
    if match := INTERVAL.fullmatch(text):
        with suppress(OverflowError, ValueError):  # more days, or more digits, than Python counts
            days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
            if interval := timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds):
                return interval
    raise ValueError(f"bad interval {text!r}; write it like 10s, 5m, 1h30m or 2d")


def read_when(text: str, zone: ZoneInfo | None, now: datetime) -> datetime | None:
    """Read a date and time, or find the next such time of day, in a time zone; None if there is none."""
    if not text:
        return None
    with suppress(OverflowError, ValueError):  # OverflowError: before the year 1 or after 9999 in this machine's zone
        if "-" in text:
            return _parse(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone).astimezone()
        time_of_day = _parse(text, "%H:%M").time()
        for days in range(-1, 3):  # the zone's date may not be ours
            date = (now.astimezone(zone) + timedelta(days=days)).date()
            if (moment := datetime.combine(date, time_of_day, zone).astimezone()) > now:
                return moment
    raise ValueError(f"bad time {text!r}; write it like 18:00, 18:00:05 or 2026-12-24 18:00")


def _parse(text: str, form: str) -> datetime:
    return datetime.strptime(text, form + ":%S" if text.count(":") > 1 else form)


def first_run(when: datetime | None, interval: timedelta | None, now: datetime) -> datetime:
    """Decide when it comes first: if `when` has passed, a recurring one goes on from there, a one-off is overdue."""
    if interval is None:
        if when is None:
            raise ValueError("when and every are both empty; give one of them, or both")
        return when
    try:
        begin = when or now + interval
        return begin if begin >= now else begin - (begin - now) // interval * interval
    except OverflowError:
        raise ValueError(f"with an interval of {interval} it would come after the year 9999") from None


async def remind(message: str) -> None:
    this = taskshed.current_occurrence()
    group = f"[{this.group_id}] " if this.group_id else ""
    overdue = f" (was due {this.run_at.astimezone():%Y-%m-%d %H:%M:%S})" if this.lag > timedelta(seconds=1) else ""
    print(f"{datetime.now():%H:%M:%S}  {group}{message}{overdue}", flush=True)


async def run(tasks: Sequence[taskshed.Task], database: str, seconds: float) -> None:
    async with taskshed.open_scheduler(database, callback_map={"remind": remind}) as scheduler:
        await scheduler.add_tasks(tasks, replace_existing=False)
        stored = await scheduler.fetch_tasks(task_ids=[task.task_id for task in tasks])
        for task in sorted(stored, key=lambda task: task.run_at):
            print(f"  {task.run_at.astimezone():%Y-%m-%d %H:%M:%S}  {task.kwargs['message']}")
        await anyio.sleep(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", metavar="FILE.csv", type=Path)
    parser.add_argument("--backend", choices=["asyncio", "trio"], default="asyncio", help="trio has to be installed")
    parser.add_argument("--seconds", type=float, default=5, help="how long to stay; inf: until Ctrl-C (default: 5)")
    parser.add_argument("--database", metavar="URL", default="memory://", help="such as sqlite:///reminders.db")
    arguments = parser.parse_args()
    file: Path = arguments.file
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            tasks, bad_rows = read_reminders(text.readlines(), datetime.now(UTC))
    except UnicodeDecodeError:
        parser.exit(2, f"{file.name} is not UTF-8 text; save it as CSV UTF-8\n")
    except OSError as error:
        parser.exit(2, f"cannot read {file}: {error.strerror}\n")
    except ValueError as error:
        parser.exit(2, f"{file.name}: {error}\n")
    for line, reason in bad_rows:
        print(f"{file.name}:{line}: {reason}", file=sys.stderr)
    print(
        f"{file.name}: {len(tasks)} reminders, on {arguments.backend}, for {arguments.seconds:g} s",
        flush=True,
    )
    try:
        anyio.run(run, tasks, arguments.database, arguments.seconds, backend=arguments.backend)
    except (ValueError, taskshed.DatastoreError) as error:
        parser.exit(2, f"cannot use the database: {error}\n")
    except KeyboardInterrupt:
        pass
    return 1 if bad_rows else 0


if __name__ == "__main__":
    sys.exit(main())
