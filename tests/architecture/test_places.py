"""Things that have one place: subjects, SQL, the edges that catch everything, the fan-out."""

import ast
import re

from tests.architecture.sources import SHIPPED, Source, read_sources

SUBJECT = re.compile(r"^(rpc|svc|chat\.(room|user|signal|presence))\.|^auth\.revoked$")
SUBJECT_PLACES = ("shared/bus/subjects.py", "shared/contracts/", "shared/documents/nats_subjects.py")

SQL = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.DOTALL)
SQL_MODULES = {"store", "models", "migrations", "writer", "outbox", "retention", "verifying"}

# Command dispatch, socket and bus callbacks, supervised tasks, and readiness, whose answer is what is wrong.
EDGES = {
    "shared/dispatch.py",
    "shared/background.py",
    "shared/bus/fan_in.py",
    "shared/lifecycle.py",
    "services/gateway/router.py",
    "services/gateway/rest.py",
}


def test_subjects_are_built_in_one_place():
    elsewhere = [
        f"{source.path}:{line} {text}"
        for source in read_sources(*SHIPPED)
        if not source.path.startswith(SUBJECT_PLACES)
        for line, text in source.strings()
        if SUBJECT.match(text)
    ]
    assert not elsewhere


def test_sql_stands_in_the_store():
    elsewhere = [
        f"{source.path}:{line}"
        for source in read_sources("services")
        if not SQL_MODULES & set(source.module.split("."))
        for line, text in source.strings()
        if SQL.search(text)
    ]
    assert not elsewhere


def test_only_the_edges_catch_everything():
    catching = {source.path for source in read_sources(*SHIPPED) if any(map(_is_broad, _handlers(source)))}
    assert catching <= EDGES


def _handlers(source: Source) -> list[ast.ExceptHandler]:
    return [node for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler)]


def _is_broad(handler: ast.ExceptHandler) -> bool:
    names = (
        [node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)] if handler.type else [""]
    )
    return bool({"", "Exception", "BaseException"} & set(names)) and not _is_passed_on(handler)


def _is_passed_on(handler: ast.ExceptHandler) -> bool:
    """Whether it is raised again, or given to those who wait for the outcome."""
    nodes = list(ast.walk(handler))
    return any(isinstance(node, ast.Raise) and node.exc is None for node in nodes) or any(
        isinstance(node, ast.Attribute) and node.attr == "set_exception" for node in nodes
    )


def test_fan_out_is_synchronous():
    loops = [
        (source.path, function)
        for source in read_sources("services/gateway")
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and _writes_to_each(function)
    ]
    assert loops, "the fan-out is not where this test looks for it"
    assert not [f"{path} {each.name}" for path, each in loops if isinstance(each, ast.AsyncFunctionDef)]


def _writes_to_each(function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == "write"
        for loop in ast.walk(function)
        if isinstance(loop, ast.For)
        for node in ast.walk(loop)
    )
