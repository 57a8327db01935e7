"""What a load process is told about the server it loads. Crosses a process boundary: plain values only."""

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["raw", "chatcraft", "websocket", "socket_io"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which server, how many sockets, and what makes it send."""

    kind: Kind
    server_pid: int
    host: str
    port: int
    members: int = 0
    path: str = "/"
    trigger_path: str = "/"
    tokens: list[str] = field(default_factory=list)
    """For `chatcraft`, one for each socket."""
    nats_url: str = ""
    commands: list[list[tuple[str, dict[str, Any]]]] = field(default_factory=list)
    """For `chatcraft`, what each socket sends before its `sync`; none: nothing."""
    rooms: list[tuple[str, int, int]] = field(default_factory=list)
    """Room id, rev and members, of the rooms that events are published to."""
