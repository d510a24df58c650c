"""Whatever is in the CSV file of the reminders example: a row is a task or named as bad, or the file is refused."""

import io
from datetime import UTC, datetime

from fuzzing.campaign import Campaign
from fuzzing.mutating import OCTETS, WORDS, Mutator
from shipped_examples import load_example

from taskshed._records import freeze, thaw
from taskshed.models import Task

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
HEADER = "message,when,every,timezone,group\n"
ROWS = [
    "Drink water,18:00,,,\n",
    "Stand up,,45m,,health\r\n",
    "Call home,2026-12-24 18:00:05,2d,Europe/Berlin,family\n",
    '"Say ""hello"", twice",,1h30m,,"a, b"\n',
    '"Over\ntwo lines",02:30,1d,Pacific/Apia,\n',
    "Past,0001-01-01 00:00,,Asia/Kathmandu,\n",
    "Far,9999-12-31 23:59,999999999d,America/St_Johns,\n",
    ",,,,\n",
    "\n",
]
FILES = [(HEADER + first + second).encode("utf-8-sig") for first in ROWS for second in ROWS]
PIECES = [
    *(word.encode() for word in WORDS),
    *OCTETS,
    b"\r",
    b"\n",
    b",,,",
    b'""',
    b"Europe",
    b"zone.tab",
    b"../",
    b"-",
]

reminders = load_example("reminders")
mutated = Mutator(FILES, PIECES)


def test_any_file_is_tasks_and_bad_rows_or_refused() -> None:
    read = refused = 0
    with Campaign("reminders") as campaign:
        for chance in campaign:
            file = io.TextIOWrapper(io.BytesIO(mutated(chance)), encoding="utf-8-sig", newline="")
            try:
                tasks, bad_rows = reminders.read_reminders(file.readlines(), NOW)
            except ValueError:  # that is no UTF-8, or the header is another
                refused += 1
                continue
            read += 1
            for task in tasks:
                assert isinstance(task, Task)
                assert thaw(freeze(task)).kwargs == task.kwargs
            for line, reason in bad_rows:
                assert line >= 1
                assert reason
    assert (read and refused) or len(campaign) == 1
