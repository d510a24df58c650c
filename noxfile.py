"""Everything that is checked before a change is taken: `nox` runs it all, `nox -s tests` just the tests."""

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lowest", "lint", "typing"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)

# pyenv's shims stand for versions that were not chosen too, and then fail; the real ones go before them.
for version in PYTHONS:
    for folder in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin")):
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


def run_tests(session: nox.Session) -> None:
    session.run("pytest", "--numprocesses", "auto", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on every supported Python that is found."""
    session.install(".[all]", *nox.project.dependency_groups(PROJECT, "test"))
    run_tests(session)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The tests with the oldest versions that the project admits."""
    extras = PROJECT["project"]["optional-dependencies"]
    requirements = [
        *PROJECT["project"]["dependencies"],
        *(requirement for name, extra in extras.items() if name != "all" for requirement in extra),
        *nox.project.dependency_groups(PROJECT, "test"),
    ]
    session.install(*(requirement.replace(">=", "==") for requirement in requirements))
    session.install("--no-deps", ".")
    run_tests(session)


@nox.session
def model(session: nox.Session) -> None:
    """Every store beside the reference model, for as long as it takes: thirty times the examples of the tests."""
    session.install(".[all]", *nox.project.dependency_groups(PROJECT, "test"))
    times = os.environ.get("TASKSHED_MODEL_TIMES", "30")
    session.run(
        "pytest", "--numprocesses", "auto", "tests/model", *session.posargs, env={"TASKSHED_MODEL_TIMES": times}
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and which module may import which."""
    session.install("-e", ".", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "format", "--check")
    session.run("ruff", "check")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """Types, strictly."""
    groups = nox.project.dependency_groups(PROJECT, "test", "typing")
    session.install("-e", ".[all]", "nox", *groups)
    session.run("mypy")
