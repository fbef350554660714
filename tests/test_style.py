"""The rules of the house that no linter knows. There is no list of exceptions: what breaks a rule is changed."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py"))
PACKAGE = [path for path in SOURCES if path.is_relative_to(ROOT / "src")]

LONGEST_FILE = 500  # lines
LONGEST_FUNCTION = 60  # lines, with its decorators and docstring
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "service", "base"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function)]


def _length(function: Function) -> int:
    first = min(node.lineno for node in (function, *function.decorator_list))
    return (function.end_lineno or first) - first + 1


def test_files_are_short() -> None:
    lengths = {_name(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    lengths = {f"{_name(path)} {found.name}": _length(found) for path in SOURCES for found in _functions(path)}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_modules_say_what_they_are() -> None:
    assert [_name(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_imports_stand_at_the_top() -> None:
    inside = [(path, node) for path in SOURCES for function in _functions(path) for node in ast.walk(function)]
    imports = [(path, node.lineno) for path, node in inside if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [f"{_name(path)}:{line}" for path, line in imports] == []


def test_modules_are_named_for_what_they_hold() -> None:
    assert [_name(path) for path in PACKAGE if {path.stem, path.parent.name} & EMPTY_NAMES] == []


def test_every_folder_of_the_package_is_a_package() -> None:
    """import-linter does not see a folder without `__init__.py`, nor what it imports."""
    folders = {path.parent for path in PACKAGE} - {ROOT / "src"}
    assert sorted(_name(folder) for folder in folders if not (folder / "__init__.py").exists()) == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_holds_versions_and_hashes_and_names_no_server(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    line = re.compile(r"[a-z0-9-]+==[\w.!+]+( ; [\w<>=!'. ()-]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", re.ASCII)
    assert [found for found in text.splitlines() if not line.fullmatch(found)] == []


def test_the_locks_agree() -> None:
    versions = [
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    ]
    assert versions[0].items() <= versions[1].items()


def test_commands_explain_themselves() -> None:
    for command in sorted((ROOT / "bin").iterdir()):
        said = subprocess.run([command, "--help"], capture_output=True, text=True, timeout=10)
        assert said.returncode == 0 and said.stdout.startswith(f"Usage: bin/{command.name}"), command.name
