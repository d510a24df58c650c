"""What is read from a store can have nothing imported, evaluated or unpickled."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "taskshed"
SOURCES = sorted(PACKAGE.rglob("*.py"))

MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml", "runpy", "code", "codeop"}
FUNCTIONS = {"eval", "exec", "compile", "__import__"}
# `import_module` of a name that stands in the code, not in a store.
IMPORTERS = {PACKAGE / "datastores" / "__init__.py"}


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(PACKAGE)) for path in SOURCES])
def test_nothing_can_be_run_that_is_not_in_the_code(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {name.name.partition(".")[0] for name in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] not in MODULES
            assert "import_module" not in {name.name for name in node.names} or path in IMPORTERS
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FUNCTIONS
