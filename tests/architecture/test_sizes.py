"""Sizes and names: what keeps a file readable in one sitting."""

import ast
import statistics
from pathlib import PurePosixPath

from tests.architecture.sources import CHECKED, read_sources

FILE_LINES_MAX = 400
MEDIAN_LINES_MAX = 150
FUNCTION_LINES_MAX = 40
DOCSTRING_LINES_MAX = 3
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


def test_no_file_is_longer_than_a_sitting():
    too_long = {s.path: len(s.lines) for s in read_sources(*CHECKED) if len(s.lines) > FILE_LINES_MAX}
    assert not too_long


def test_half_of_the_files_fit_on_two_screens():
    lengths = [len(s.lines) for s in read_sources(*CHECKED) if s.lines]
    assert statistics.median(lengths) <= MEDIAN_LINES_MAX


def test_no_function_is_longer_than_a_screen():
    too_long = [
        f"{source.path}:{node.lineno} {node.name}"
        for source in read_sources(*CHECKED)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not too_long


def test_modules_are_named_after_what_they_hold():
    vague = [
        source.path
        for source in read_sources(*CHECKED)
        if NAMES_THAT_SAY_NOTHING & set(PurePosixPath(source.path).with_suffix("").parts)
    ]
    assert not vague


def test_every_module_says_in_three_lines_what_it_is():
    wrong = []
    for source in read_sources(*CHECKED):
        said = ast.get_docstring(source.tree) or ""
        text_lines = [line for line in said.splitlines() if line.strip()]
        if source.tree.body and not 1 <= len(text_lines) <= DOCSTRING_LINES_MAX:
            wrong.append(f"{source.path}: {len(text_lines)} lines")
    assert not wrong
