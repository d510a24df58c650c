"""What README and docs show is true: each Python block runs, its output is as printed, each link leads somewhere."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


class Block(NamedTuple):
    """A fenced block: where it begins, its info string and text, and the output that the page shows below it."""

    place: str
    info: str
    text: str
    output: str | None


def blocks_of(page: Path) -> Iterator[Block]:
    fences = [token for token in MarkdownIt().parse(page.read_text(encoding="utf-8")) if token.type == "fence"]
    for fence, following in zip_longest(fences, fences[1:]):
        line = fence.map[0] + 1 if fence.map else 0
        output = following.content if following is not None and following.info.strip() == "text output" else None
        yield Block(f"{page.relative_to(ROOT).as_posix()}:{line}", fence.info.strip(), fence.content, output)


def links_of(page: Path) -> Iterator[str]:
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        for child in token.children or []:
            target = child.attrGet("href") or child.attrGet("src")
            if isinstance(target, str) and not re.match(r"[a-z]+:|#", target):
                yield target.partition("#")[0]


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
DATABASES = {
    "docs/how-to/postgresql.md": "fresh_postgres_url",
    "docs/how-to/mysql.md": "fresh_mysql_url",
    "docs/how-to/redis.md": "fresh_valkey_url",
}
PROGRAMS = [block for block in BLOCKS if block.info == "python"]
NAMED = {block.info.removeprefix("python "): block for block in BLOCKS if re.fullmatch(r"python \w+\.py", block.info)}
TESTS = {name: block for name, block in NAMED.items() if name.startswith("test_")}
# These belong together, and run in test_two_machines.
PROCESSES = {name: block for name, block in NAMED.items() if name not in TESTS}


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Where the programs of a page find the database that it is about."""
    place = request.getfixturevalue("block").place
    fixture = next((name for page, name in DATABASES.items() if place.startswith(page)), None)
    return None if fixture is None else str(request.getfixturevalue(fixture))


@pytest.mark.parametrize("block", PROGRAMS, ids=lambda block: block.place)
def test_program_runs(block: Block, tmp_path: Path, database_url: str | None) -> None:
    # A file, as a reader would make one, so that a traceback shows the line.
    (tmp_path / "program.py").write_text(block.text, encoding="utf-8")
    check(block, ["program.py"], tmp_path, database_url)


@pytest.mark.parametrize(("name", "block"), TESTS.items(), ids=TESTS)
def test_tests_pass(name: str, block: Block, tmp_path: Path) -> None:
    (tmp_path / name).write_text(block.text, encoding="utf-8")
    check(block, ["-m", "pytest", "-q", "-p", "no:cacheprovider", name], tmp_path)


def check(block: Block, command: list[str], folder: Path, database_url: str | None = None) -> None:
    """See that the command, run in the folder, succeeds and prints what the page shows below the block."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", *command],
        cwd=folder,
        env=os.environ | {"PYTHONUTF8": "1"} | ({} if database_url is None else {"DATABASE_URL": database_url}),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # What is raised where nobody can catch it, an unclosed resource for one, is only printed.
    assert "Exception ignored" not in done.stderr
    assert "was destroyed" not in done.stderr
    if block.output is not None:
        assert doctest.OutputChecker().check_output(block.output, done.stdout, doctest.ELLIPSIS), done.stdout


def test_there_are_programs_in_the_readme_and_the_tutorials() -> None:
    pages = {block.place.partition(":")[0] for block in PROGRAMS}
    assert {"README.md", "docs/tutorials/first-schedule.md"} <= pages


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_no_program_escapes_the_test_above(block: Block) -> None:
    assert not block.info.startswith("py") or block.info == "python" or block in NAMED.values()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_to_files(page: Path) -> None:
    assert [target for target in links_of(page) if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("mark", ["try command", "test command"])
def test_readme_marks_one_command_that_makes_its_own_environment(mark: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(rf"^<!-- {mark} -->\n```sh\n(.*)\n```$", readme, re.MULTILINE)
    words = shlex.split(command)
    assert words[:4] == ["python3", "-m", "venv", ".venv"]
    assert all((ROOT / word).exists() for word in words if word.endswith(".py") and "/" in word)
