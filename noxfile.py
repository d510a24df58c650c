"""Everything that is checked before a change is taken: `nox` runs it all, `nox -s tests` just the tests."""

import os
import time
from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "lint", "typing", "fuzz", "simulate", "chaos"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
SEARCHES = ["fuzzing", "model", "simulation", "soak"]
SERVERS = ["cancellation", "conformance", "outage", "processes", "redis_store", "servers", "sql"]

# pyenv's shims stand for versions that were not chosen too, and then fail; the real ones go before them.
for version in PYTHONS:
    for folder in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin")):
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on every supported Python that is found; on the oldest with the oldest versions that are admitted.

    What searches at random and for long does so on the newest only. What is mostly about servers runs on both ends:
    what it may find between a database and its driver, a Python in between has in common with one of them.
    """
    groups = nox.project.dependency_groups(PROJECT, "test")
    if session.python == PYTHONS[0]:
        session.install(*(requirement.replace(">=", "==") for requirement in [*requirements(), *groups]))
        session.install("--no-deps", ".")
    else:
        session.install(".[all]", *groups)
    left_out = [] if session.python == PYTHONS[-1] else SEARCHES
    if session.python in PYTHONS[1:-1]:
        left_out = [*left_out, *SERVERS]
    ignore = [f"--ignore=tests/{folder}" for folder in left_out]
    session.run("pytest", "--numprocesses", "auto", *ignore, *session.posargs)


def requirements() -> list[str]:
    """All that the project needs, with every extra."""
    project = PROJECT["project"]
    extras = [extra for name, extra in project["optional-dependencies"].items() if name != "all"]
    return [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]


@nox.session
def fuzz(session: nox.Session) -> None:
    """100,000 hostile inputs for whatever reads what others wrote; other ones each time."""
    session.install(".[all]", *nox.project.dependency_groups(PROJECT, "test"))
    settings = {"TASKSHED_FUZZ_INPUTS": "100000", "TASKSHED_FUZZ_SEED": str(time.time_ns())} | os.environ
    session.run("pytest", "--numprocesses", "auto", "tests/fuzzing", *session.posargs, env=settings)


@nox.session
def soak(session: nox.Session) -> None:
    """A worker runs a great many tasks: `nox -s soak -- --tasks 1000000 --store sqlite --backend trio`."""
    session.install(".[all]", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "soak.program", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def simulate(session: nox.Session) -> None:
    """Thousands of simulated worlds: `nox -s simulate -- --seeds 10000`."""
    session.install(".", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "simulation", *session.posargs, env={"PYTHONPATH": "tests"})


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


@nox.session
def chaos(session: nox.Session) -> None:
    """Workers on real servers while these and they fail: `nox -s chaos -- --store postgresql --seconds 60 --seed 7`."""
    session.install(".[all]", *nox.project.dependency_groups(PROJECT, "test"))
    session.run("python", "-m", "chaos.program", *session.posargs, env={"PYTHONPATH": str(Path("tests").resolve())})
