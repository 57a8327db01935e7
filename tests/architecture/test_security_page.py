"""docs/security.md: the tests and files that it names are there, and every way in is in it."""

import re
from functools import cache

import pytest

from shared.contracts.registry import Access, Command, iter_commands
from shared.documents.schemas import list_shapes
from tests.architecture.sources import ROOT, read_sources

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+)(?:, \d+\.\d+\.\d+)* (.+) \|(.*)\|(.*)\|$", re.MULTILINE)
ROWS = [match.groups() for match in ROW.finditer(PAGE)]
WITHOUT_TEST = ("not met", "does not apply")
# A row of the same file as the one above it.
AS_ABOVE = ("the same",)
NAMED = re.compile(r"`([\w./-]+)`")


@cache
def list_test_files() -> frozenset[str]:
    return frozenset(source.path for source in read_sources("tests"))


@cache
def list_test_names() -> frozenset[str]:
    found = (
        re.findall(r"^\s*(?:async )?def (test_\w+)", each.text, re.MULTILINE)
        for each in read_sources("tests")
    )
    return frozenset(name for names in found for name in names)


every_row = pytest.mark.parametrize(
    ("number", "what", "met", "shown"), ROWS, ids=[f"{row[0]} {row[1][:40]}" for row in ROWS]
)


def is_there(name: str) -> bool:
    """Whether a test, or a file of tests, is called so; a path may leave out how it begins."""
    if name.endswith(".py"):
        return any(path == name or path.endswith(f"/{name}") for path in list_test_files())
    return name in list_test_names()


def test_the_table_is_read():
    assert len(ROWS) > 80
    numbers = [tuple(map(int, row[0].split("."))) for row in ROWS]
    assert numbers == sorted(numbers)


@every_row
def test_every_test_that_a_row_names_exists(number: str, what: str, met: str, shown: str):
    met, shown = met.strip(), shown.strip()
    if met.startswith(WITHOUT_TEST):
        assert not shown, f"{number} is not met, and is not shown by anything"
        return
    named = [name for name in NAMED.findall(shown) if name.startswith("test_") or name.endswith(".py")]
    assert named or shown.startswith(AS_ABOVE), f"{number} {what} names no test"
    assert not [name for name in named if not is_there(name)]


@every_row
def test_every_file_that_a_row_names_exists(number: str, what: str, met: str, shown: str):
    files = [name for name in NAMED.findall(met) if name.endswith((".py", ".ts", ".tsx"))]
    known = {source.path for source in read_sources("services", "shared", "deploy")}
    missing = [
        name
        for name in files
        if not (ROOT / name).is_file() and not any(path.endswith(f"/{name}") for path in known)
    ]
    assert not missing


def signs_in(command: Command) -> bool:
    return command.access is Access.PUBLIC and any(
        "tokens" in shape.__struct_fields__ for shape in list_shapes(command.reply)
    )


def test_every_way_in_is_documented():
    """What answers somebody who is not signed in with tokens has a row among the ways in."""
    ways = PAGE.partition("## Ways in")[2].partition("\n## ")[0]
    assert not [each.name for each in iter_commands() if signs_in(each) and f"`{each.name}`" not in ways]
