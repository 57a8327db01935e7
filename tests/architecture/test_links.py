"""What the documents link to is there: each file, and each heading in it."""

import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

FOLDERS = ("docs", "clients", "examples", "deploy")
PAGES = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def list_anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, path: str, anchor: str) -> bool:
    target = page.parent / path if path else page
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in list_anchors(target))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_document_leads_somewhere(page: Path):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [f"{path}#{anchor}" for path, anchor in links if not leads_somewhere(page, path, anchor)] == []


def test_links_are_found():
    assert len(PAGES) > 20
    assert not leads_somewhere(ROOT / "README.md", "docs/architecture.md", "no-such-heading")
