"""The house: few rooms in few layers, files and functions of one idea, and tests that stand alone."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "tastebridge"
FILES = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def functions():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                yield path.relative_to(SOURCE), node


def body_length(node):
    """The lines of a function below its docstring."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_few_names_stand_at_the_top():
    rooms = {path.relative_to(SOURCE).parts[0] for path in FILES} - {"__init__.py", "__main__.py"}
    assert len(rooms) <= 28


def test_the_layers_are_few_and_exhaustive_with_one_exemption():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = contracts[0]
    assert len(layers["layers"]) <= 14
    assert layers["exhaustive"]
    assert [line.split(" -> ")[0] for line in layers["ignore_imports"]] == ["tastebridge.data.panel"]


def test_no_function_is_long():
    long = [
        (body_length(node), f"{path}:{node.name}") for path, node in functions() if body_length(node) > 45
    ]
    assert [where for _, where in long if not where.startswith("cli/")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_there_is_one_way_to_warn_and_no_state_by_reflection(path):
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if path.parent.name != "_foundation":
                assert called != "warnings.warn", "use tastebridge._foundation.warnings.warn"
            # it holds for all threads of a process; a command is a process, and an import comes once
            if path.parent.name != "cli" and path.name != "als.py":
                assert called != "warnings.catch_warnings", "use tastebridge._foundation.warnings.muted"
            test = ast.unparse(node)
            assert not (called == "isinstance" and "model_, dict" in test)


def test_no_test_file_imports_another():
    tests = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.rpartition(".")[2] in tests], path
