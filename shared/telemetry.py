"""Logs and metrics, set up once per process. Logs hold no token, password, cookie or message text."""

import logging
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from prometheus_client import Counter, Histogram

from shared.imports import without

# To draw tracebacks structlog loads Rich and Pygments where they are installed. Ours are plain.
with without("rich"):
    import structlog

COMMANDS = Histogram(
    "chatcraft_command_seconds",
    "Time from a command's arrival at this process to its reply",
    ["command", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

FAILURES = Counter(
    "chatcraft_task_failures_total", "Background tasks that failed and were restarted", ["task"]
)


@cache
def command_observer(command: str, outcome: str) -> Callable[[float], None]:
    """Return what notes the seconds of one such command: looking the labels up costs as much as noting."""
    observe: Callable[[float], None] = COMMANDS.labels(command, outcome).observe
    return observe


def configure_logging(service: str, log_format: str, level: str) -> None:
    """Send all logs, the libraries' too, to stderr: readable lines, or one JSON object a line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True)
        if log_format == "json"
        else structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        structlog.processors.format_exc_info if log_format == "json" else _keep,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(
            serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
        )
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # The default shows the locals of every frame: tokens, passwords and message texts.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn.access", "uvicorn.error", "nats", "alembic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel("WARNING")
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _keep(_logger: Any, _method: str, event: Any) -> Any:
    return event
