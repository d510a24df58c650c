"""Random cron expressions, each with what it means, so that nothing has to parse them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from random import Random
from typing import NamedTuple, TypeVar

T = TypeVar("T")

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
CALENDAR = [date(2000, 1, 1) + timedelta(days=n) for n in range(366 * 40)]

Day = int | str  # "L" is the last one, "LW" the last one from Monday to Friday
Weekday = tuple[int, int | str | None]  # 0 is Sunday; which one of the month, "L" is the last and None all


class Meaning(NamedTuple):
    """An expression and the values that its fields stand for."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[Day]
    months: frozenset[int]
    weekdays: frozenset[Weekday]

    def is_elapsed_time(self) -> bool:
        minute, hour, *_ = self.text.split()
        return minute.startswith("*") or hour.startswith("*")

    def has_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        _, _, day_text, _, weekday_text = self.text.split()
        both = day_text.startswith("*") or weekday_text.startswith("*")
        by_day, by_weekday = not self.days.isdisjoint(_days(day)), not self.weekdays.isdisjoint(_weekdays(day))
        return (by_day and by_weekday) if both else (by_day or by_weekday)

    def comes(self) -> bool:
        return any(map(self.has_day, CALENDAR))


@cache
def _days(day: date) -> set[Day]:
    rest = [later for n in range(1, 32) if (later := day + timedelta(days=n)).month == day.month]
    is_last_workday = day.weekday() < 5 and all(later.weekday() >= 5 for later in rest)
    return {day.day} | ({"L"} if not rest else set()) | ({"LW"} if is_last_workday else set())


@cache
def _weekdays(day: date) -> set[Weekday]:
    weekday = day.isoweekday() % 7
    is_last = (day + timedelta(days=7)).month != day.month
    return {(weekday, None), (weekday, (day.day - 1) // 7 + 1)} | ({(weekday, "L")} if is_last else set())


class _Values(NamedTuple):
    """What a field can hold, how a value may be written, and one to prefer."""

    low: int
    high: int
    write: Callable[[int], list[str]]
    near: int


def draw(random: Random, near: datetime) -> Meaning:
    """An expression that comes; often about the local time `near`."""
    while not (meaning := _draw(random, near)).comes():
        pass
    return meaning


def _draw(random: Random, near: datetime) -> Meaning:
    minute, minutes = _field(random, _Values(0, 59, _digits, near.minute), stars=0.3)
    hour, hours = _field(random, _Values(0, 23, _digits, near.hour), stars=0.3)
    day, days = _days_field(random, near)
    month, months = _field(random, _Values(1, 12, _month, near.month), stars=0.8)
    weekday, weekdays = _weekdays_field(random, near)
    text = " ".join((minute, hour, day, month, weekday))
    return Meaning(text, frozenset(minutes), frozenset(hours), frozenset(days), frozenset(months), frozenset(weekdays))


def _days_field(random: Random, near: datetime) -> tuple[str, set[Day]]:
    text, values = _field(random, _Values(1, 31, _digits, near.day), stars=0.6)
    days: set[Day] = set(values)
    last = random.choice(["L", "LW"])
    return _with_special(random, text, days, last.lower(), last)


def _weekdays_field(random: Random, near: datetime) -> tuple[str, set[Weekday]]:
    text, values = _field(random, _Values(0, 7, _weekday, near.isoweekday()), stars=0.6)
    weekdays: set[Weekday] = {(value % 7, None) for value in values}
    weekday, number = random.randint(0, 7), random.randint(1, 5)
    if random.random() < 0.5:
        return _with_special(random, text, weekdays, f"{weekday}L", (weekday % 7, "L"))
    return _with_special(random, text, weekdays, f"{random.choice(_weekday(weekday))}#{number}", (weekday % 7, number))


def _with_special(random: Random, text: str, values: set[T], special: str, meant: T) -> tuple[str, set[T]]:
    """In one of ten cases the special term, alone or after the others."""
    return random.choices([(text, values), (special, {meant}), (f"{text},{special}", values | {meant})], [18, 1, 1])[0]


def _field(random: Random, values: _Values, stars: float) -> tuple[str, set[int]]:
    """One to three terms; with the chance `stars` the first is `*`, mostly alone and in half the cases stepped."""
    terms = [_star(random, values) if random.random() < stars else _term(random, values)]
    while len(terms) < 3 and random.random() < 0.2:
        terms.append(_star(random, values) if random.random() < 0.1 else _term(random, values))
    return ",".join(text for text, _ in terms), set().union(*(meant for _, meant in terms))


def _star(random: Random, values: _Values) -> tuple[str, set[int]]:
    everything = range(values.low, values.high + 1)
    if random.random() < 0.5:
        return "*", set(everything)
    step = random.randint(1, len(everything) // 2)
    return f"*/{step}", set(everything[::step])


def _term(random: Random, values: _Values) -> tuple[str, set[int]]:
    first, second = sorted(_value(random, values) for _ in range(2))
    kind = random.choice(["value", "value", "range", "steps"])
    if kind == "value":
        return random.choice(values.write(first)), {first}
    text, span = f"{random.choice(values.write(first))}-{random.choice(values.write(second))}", range(first, second + 1)
    if kind == "range":
        return text, set(span)
    step = random.randint(1, 6)
    return f"{text}/{step}", set(span[::step])


def _value(random: Random, values: _Values) -> int:
    value = values.near + random.randint(-1, 1) if random.random() < 0.5 else random.randint(values.low, values.high)
    return min(max(value, values.low), values.high)


def _digits(value: int) -> list[str]:
    return [f"{value}", f"{value:02}"]


def _month(value: int) -> list[str]:
    return [f"{value}", MONTHS[value - 1], MONTHS[value - 1].title()]


def _weekday(value: int) -> list[str]:
    return [f"{value}"] if value == 7 else [f"{value}", WEEKDAYS[value], WEEKDAYS[value].upper()]
