"""Statements of sampled commands as spans: their text with its placeholders, never the values.

Called by `shared.db` where there is a tracer.
"""

import time
from typing import Any, cast

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.tracing import Kind, Span, Tracer, find_current

_TEXT_MAX = 2_000


class _Notes:
    """Makes spans of finished statements."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def note(self, statement: str, lasted_s: float, failure: BaseException | None) -> None:
        parent = find_current()
        if parent is not None:
            self._begin(statement, lasted_s, parent, failure).end()

    def on_logged(self, record: Any) -> None:
        """Take what asyncpg tells of a statement that was put straight to it, in that statement's context."""
        self.note(record.query, record.elapsed, record.exception)

    def _begin(self, statement: str, lasted_s: float, parent: Span, failure: BaseException | None) -> Span:
        text = " ".join(statement.split())
        told = {"db.system.name": "postgresql", "db.query.text": text[:_TEXT_MAX]}
        span = self._tracer.begin(
            text.partition(" ")[0].strip(";"), Kind.CLIENT, parent, told, lasted_s=lasted_s
        )
        if failure is not None:
            span.fail(type(failure).__name__)
        return span


def trace_queries(engine: AsyncEngine, tracer: Tracer) -> None:
    """Note every statement that runs under a sampled command.

    Two ways lead to the server: through SQLAlchemy, and straight on asyncpg's connection, which logs those
    alone. It is told to only while a sampled command holds it.
    """
    notes = _Notes(tracer)

    @event.listens_for(engine.sync_engine, "checkout")
    def _on_checkout(connection: DBAPIConnection, _record: object, _proxy: object) -> None:
        if find_current() is not None:
            cast("Any", connection).driver_connection.add_query_logger(notes.on_logged)

    @event.listens_for(engine.sync_engine, "checkin")
    def _on_checkin(connection: DBAPIConnection | None, _record: object) -> None:
        if connection is not None:
            cast("Any", connection).driver_connection.remove_query_logger(notes.on_logged)

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def _on_begin(*arguments: Any) -> None:
        arguments[4].chatcraft_begun_s = time.monotonic()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def _on_end(*arguments: Any) -> None:
        notes.note(arguments[2], time.monotonic() - arguments[4].chatcraft_begun_s, None)
