"""Ids and groups are ordinary text: nothing in them has a meaning, and nothing about them is folded."""

import pytest

from taskshed.datastores import DataStore
from taskshed.datastores.commands import Added, ById, Changed, Everything, InGroup, Move, Pause, Remove, Resume
from taskshed.testing.conformance._builders import (
    FUTURE_MICROS,
    HOUR,
    PAST_MICROS,
    add,
    claim_only,
    due_task,
    ids,
    later_task,
    lease_of,
    renew,
    settle,
    settlement,
)

NAMES = {
    "255 letters": "x" * 255,
    "255 emoji": "🐌" * 255,
    "emoji sequence": "👩‍👩‍👧‍👦 🏳️‍🌈",
    "quotes": """it's "so" `called` ''x'' """,
    "percent": "100% %s %(name)s %%",
    "underscore": "a_b__c",
    "backslashes": r"C:\temp\new \\ \' \0 \x41",
    "braces": "{} {0} {tag} }{ {{x}}",
    "colons": ":name ::text a:b:c: ?",
    "white space": " \t a\nb\r\n\u00a0\u200b ",
    "only a space": " ",
    "control characters": "\x01\x1b[31m\x7f",
    "SQL": "'; DROP TABLE taskshed_tasks; -- /* x */",
    "glob": "*?[a-z][^b]*",
    "JSON": '{"a": [null, 1]}',
    "null": "null",
    "number": "-1",
    "path": "../../etc/passwd",
    "right to left": "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631",
    "astral and CJK": "\U0001d518\U0001d52b 漢字 한글 \uff46\uff55",
    "last code point": "\U0010ffff\ufffd",
}

LOOK_ALIKES = {
    "case": ("Task", "task", "TASK"),
    "accent": ("resume", "résume", "résumé"),
    "composition": ("\u00e9", "e\u0301"),
    "trailing space": ("task", "task ", "task  "),
    "leading space": ("task", " task"),
    "trailing newline": ("task", "task\n"),
    "width": ("a", "\uff41"),
    "ligature": ("strasse", "straße"),
    "dotless i": ("i", "\u0131", "I", "\u0130"),
    "invisible character": ("task", "task\u200b"),
    "emoji variant": ("👍", "👍🏽"),
    "number form": ("1", "01", "1.0"),
    "last of 255": ("x" * 254 + "y", "x" * 255),
    "pattern and match": ("a%", "a*", "a_", "ab"),
}

_each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
_each_look_alike = pytest.mark.parametrize("names", LOOK_ALIKES.values(), ids=LOOK_ALIKES.keys())


class NamesConformance:
    @_each_name
    async def test_any_text_comes_back_as_id_group_and_callback(self, datastore: DataStore, name: str) -> None:
        task = later_task(name, group_id=name, callback=name, kwargs={name: name})
        await add(datastore, task, later_task("other", group_id="other"))
        assert await datastore.fetch(ById((name,))) == [task]
        assert await datastore.fetch(InGroup(name)) == [task]

    @_each_name
    async def test_any_text_leads_a_whole_life_as_an_id(self, datastore: DataStore, name: str) -> None:
        await add(datastore, due_task(name), later_task("other"))
        assert await add(datastore, due_task(name), replace=False) == Added(kept=(name,))
        claimed = await claim_only(datastore, name)
        assert await renew(datastore, (lease_of(claimed),), HOUR) == ()
        assert await settle(datastore, settlement(claimed, "next", run_at=FUTURE_MICROS)) == ()
        assert await datastore.ask(Pause(ById((name,)))) == Changed()
        assert await datastore.ask(Resume(ById((name,)))) == Changed(earliest=FUTURE_MICROS)
        assert await datastore.ask(Move({name: PAST_MICROS})) == Changed(earliest=PAST_MICROS)
        await claim_only(datastore, name)
        await datastore.ask(Remove(ById((name,))))
        assert ids(await datastore.fetch(Everything())) == ["other"]

    @_each_name
    async def test_any_text_selects_only_the_group_of_that_name(self, datastore: DataStore, name: str) -> None:
        await add(datastore, due_task("a", group_id=name), due_task("b", group_id="other"), due_task("c"))
        await datastore.ask(Pause(InGroup(name)))
        assert [task.task_id for task in await datastore.fetch(Everything()) if task.paused] == ["a"]
        assert await datastore.ask(Resume(InGroup(name))) == Changed(earliest=PAST_MICROS)
        await datastore.ask(Remove(InGroup(name)))
        assert sorted(ids(await datastore.fetch(Everything()))) == ["b", "c"]

    @_each_look_alike
    async def test_ids_that_look_alike_are_different_tasks(self, datastore: DataStore, names: tuple[str, ...]) -> None:
        tasks = [later_task(name, kwargs={"number": number}) for number, name in enumerate(names)]
        assert await add(datastore, *tasks, replace=False) == Added()
        assert await datastore.fetch(ById(names)) == tasks
        await datastore.ask(Remove(ById(names[:1])))
        assert await datastore.fetch(ById(names)) == tasks[1:]

    @_each_look_alike
    async def test_groups_that_look_alike_are_different(self, datastore: DataStore, names: tuple[str, ...]) -> None:
        await add(datastore, *(later_task(f"task {number}", group_id=name) for number, name in enumerate(names)))
        for number, name in enumerate(names):
            assert ids(await datastore.fetch(InGroup(name))) == [f"task {number}"]
        await datastore.ask(Remove(InGroup(names[0])))
        assert len(await datastore.fetch(Everything())) == len(names) - 1

    async def test_an_id_may_be_the_name_of_a_group(self, datastore: DataStore) -> None:
        await add(datastore, later_task("x", group_id="y"), later_task("y", group_id="x"), later_task("z"))
        assert ids(await datastore.fetch(InGroup("x"))) == ["y"]
        assert ids(await datastore.fetch(ById(("x",)))) == ["x"]
