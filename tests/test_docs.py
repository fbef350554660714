"""The documentation says what is: every setting and command, and nothing that is not there; its programs run."""

import ast
import asyncio
import doctest
import inspect
import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import fields
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer

from boreal.core import ledger
from boreal.core.ledger import Holder, TransactionType
from boreal.kit.settings import Settings
from boreal.main import Root
from boreal.providers.payments.sandbox.cards import card_by_name, card_by_number
from boreal.surfaces.cli.app import commands
from tests.support import lifecycles
from tests.support.live import open_live
from tests.support.postgres import create_database, drop_database

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
ROOMS = sorted(path for path in (ROOT / "src" / "boreal" / "rooms").iterdir() if (path / "__init__.py").exists())
PLACES = (ROOT, ROOT / "src" / "boreal")
"""Where a path in the documentation begins."""
TOPS = {entry.name for place in PLACES for entry in place.iterdir()} - {"__pycache__"}
README = ROOT / "README.md"
ADDRESS, TOKEN, RECEIVER = "http://127.0.0.1:8000", "polar_oat_...", "9000"
"""What stands in the programs of the README for the reader's own."""

by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def _prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def _spans(page: Path) -> list[str]:
    """The words of a page that are set as code."""
    return [word.rstrip(",") for span in re.findall(r"`([^`\n]+)`", _prose(page)) for word in span.split()]


def _rows(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    below = page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line.strip("|").split("|") for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def _text(default: object) -> str:
    """A default as one would write it in the environment."""
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def test_the_examples_of_the_ledger_are_right_and_none_is_missing() -> None:
    page = ROOT / "docs" / "ledger.md"
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0
    types = {row[0].strip("`") for row in _rows(page, "Transactions")}
    assert types == {type.value for type in TransactionType}
    assert {row[0].strip("`") for row in _rows(page, "Holders")} == {holder.value for holder in Holder}
    templates = {
        name
        for name, function in vars(ledger).items()
        if inspect.isfunction(function) and function.__module__ == ledger.__name__ and not name.startswith("_")
    }
    assert {row[1].strip("`").removeprefix("ledger.") for row in _rows(page, "Transactions")} == templates


def test_every_setting_is_described_with_its_default() -> None:
    documented = {row[0].strip("`"): row[1] for row in _rows(ROOT / "docs" / "self-hosting.md", "Settings")}
    wanted = {
        item.metadata["variable"]: "not set" if item.default in (None, ()) else f"`{_text(item.default)}`"
        for item in fields(Settings)
    }
    assert documented == wanted


def _commands(command: Any, path: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    if not children:
        yield path
    for name, child in children.items():
        yield from _commands(child, f"{path} {name}")


def test_every_command_is_named() -> None:
    text = "\n".join(page.read_text() for page in PAGES)
    wanted = [f"bin/{entry.name}" for entry in (ROOT / "bin").iterdir()]
    wanted += _commands(typer.main.get_command(commands(Root())), "boreal")
    assert [name for name in wanted if f"`{name}`" not in text and f"`{name} " not in text] == []


@by_name
def test_no_command_is_named_that_is_not_there(page: Path) -> None:
    known = set(_commands(typer.main.get_command(commands(Root())), "boreal"))
    named = re.findall(r"`(boreal [a-z]+)(?: ([a-z]+))?[^`\n]*`", page.read_text())
    assert [(first, second) for first, second in named if not {first, f"{first} {second}"} & known] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_has_a_charter(room: Path) -> None:
    charter = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    lines = charter.splitlines()
    assert len(lines) <= 30
    assert lines[0].startswith(f"The {room.name} room: ")
    parts = [part for line in lines for part in re.findall(r"^(Owns|Does not own|Words|Invariants|Traps): \S", line)]
    assert parts == ["Owns", "Does not own", "Words", "Invariants", "Traps"]


def test_lifecycles_are_those_of_the_code() -> None:
    assert lifecycles.PAGE.read_text() == lifecycles.page(), "bin/docs renews the page"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@by_name
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not re.match(r"\w+:", link) and not (target.exists() and (not anchor or anchor in _anchors(target))):
            broken.append(link)
    assert broken == []


def _file(path: str) -> Path | None:
    return next((place / path for place in PLACES if (place / path).exists()), None)


def _defined(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """What a module or class defines, by name."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found[node.name] = node
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
    return found


def _defines(file: Path, name: str) -> bool:
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for part in name.split("."):
        node = _defined(body).get(part)
        if node is None:
            return False
        body = node.body if isinstance(node, ast.ClassDef) else []
    return True


@by_name
def test_what_is_named_is_there(page: Path) -> None:
    """Files and folders by their path, and what a file defines as `path.py:Name.name`."""
    missing = []
    for word in _spans(page):
        path, _, name = word.partition(":")
        if not re.fullmatch(r"\.?[\w-][\w./-]*", path) or path.partition("/")[0] not in TOPS:
            continue
        if "/" not in path and not name:
            continue
        file = _file(path)
        if file is None or (name and not _defines(file, name)):
            missing.append(word)
    assert missing == []


def test_decisions_are_numbered_listed_and_whole() -> None:
    listed = re.findall(r"\(decisions/([\w-]+\.md)\)$", (ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    assert listed == [page.name for page in DECISIONS]
    for number, page in enumerate(DECISIONS, start=1):
        text = page.read_text()
        assert page.name.startswith(f"{number:04d}-") and text.startswith(f"# {number:04d}. ")
        headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name


def test_the_cards_of_the_readme_are_those_of_the_sandbox() -> None:
    rows = _rows(README, "Test cards")
    assert len(rows) > 5
    for number, name, _ in rows:
        card = card_by_number(number.replace(" ", ""))
        assert card is not None and card == card_by_name(name.strip("`")), number


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


async def test_the_programs_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver subscribes and hears of the sale that the other program makes; the first call answers."""
    monkeypatch.setattr(HTTPServer, "serve_forever", lambda server: [server.handle_request() for _ in range(2)])
    sell, hear = _blocks(README, "python")
    name = "boreal_readme"
    await drop_database(name)
    async with open_live(await create_database(name), tmp_path) as live:
        merchant = await live.found("readme")
        given = {ADDRESS: live.base_url, TOKEN: merchant.token, RECEIVER: str(_free_port())}
        headers = {"authorization": f"Bearer {merchant.token}"}
        async with httpx2.AsyncClient(base_url=live.base_url, headers=headers) as client:
            hearing = asyncio.create_task(asyncio.to_thread(_run, hear, given))
            while not (await client.get("/v1/webhooks/endpoints")).json()["items"]:
                assert not hearing.done(), await hearing
                await asyncio.sleep(0.05)
            await asyncio.to_thread(_run, sell, given)
            async with asyncio.timeout(20):
                heard = await hearing
            assert [line.split()[0] for line in heard] == ["order.created", "order.paid"]
            (body,) = re.findall(r"-d '(.+)'", "".join(_blocks(README, "sh")))
            assert (await client.post("/v1/products/", json=json.loads(body))).status_code == 201
    await drop_database(name)


def _run(program: str, given: Mapping[str, str]) -> list[str]:
    """Runs a program with our values in place of the printed ones, and returns what it printed."""
    for word, ours in given.items():
        program = program.replace(word, ours)
    said: list[str] = []
    told = {"__name__": "readme", "print": lambda *words: said.append(" ".join(map(str, words)))}
    exec(compile(program, "README.md", "exec"), told)
    return said
