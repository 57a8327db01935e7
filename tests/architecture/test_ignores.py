"""An ignored rule names the rule and the reason."""

import io
import re
import tokenize

import pytest

from tests.architecture.sources import CHECKED, Source, read_sources

NOQA = re.compile(r"#\s*noqa\b(?P<rest>.*)", re.IGNORECASE)
NOQA_EXPLAINED = re.compile(r"^: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - \S.{7,}")
TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore(?P<rest>.*)")
TYPE_IGNORE_EXPLAINED = re.compile(r"^\[[a-z, -]+\] +# \S.{7,}")


def find_unexplained(source: Source) -> list[str]:
    """Return the place of each comment that ignores a rule without naming it or saying why."""
    comments = (
        token
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline)
        if token.type == tokenize.COMMENT
    )
    return [
        f"{source.path}:{token.start[0]} {token.string}"
        for token in comments
        if not _is_explained(token.string)
    ]


def _is_explained(comment: str) -> bool:
    noqa, type_ignore = NOQA.search(comment), TYPE_IGNORE.search(comment)
    if noqa and not NOQA_EXPLAINED.match(noqa["rest"]):
        return False
    return not (type_ignore and not TYPE_IGNORE_EXPLAINED.match(type_ignore["rest"]))


def test_every_ignore_names_its_rule_and_its_reason():
    assert not [place for source in read_sources(*CHECKED) for place in find_unexplained(source)]


@pytest.mark.parametrize(
    "comment",
    ["# noqa", "# noqa: S105", "# noqa: S105 because", "# type: ignore", "# type: ignore[arg-type]"],
)
def test_a_bare_ignore_is_found(comment):
    assert find_unexplained(Source("a.py", f"x = 1  {comment}\n"))


def test_an_explained_ignore_passes():
    text = (
        "x = 1  # noqa: S105, S106 - no secret\ny = 2  # type: ignore[arg-type]  # annotated too narrowly\n"
    )
    assert not find_unexplained(Source("a.py", text))
