"""WebSocket close codes of the protocol and what each tells the client to do. Numbers only.

4000-4499: reconnect. 4500-4999: do not.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    NORMAL = 1000
    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    """A binary frame: this protocol is JSON text."""
    INVALID_DATA = 1007
    """Text that is not UTF-8."""
    TOO_BIG = 1009
    """A frame above `limits.frame_bytes`."""
    DRAINING = 1012
    """The node stops: come back, to any node, after the announced delay."""
    INTERNAL = 4000
    SLOW_CONSUMER = 4002
    """Unread for 30 s."""
    TOKEN_EXPIRED = 4003
    """Token expired or role changed: refresh first, then reconnect."""
    RATE_LIMITED = 4004
    """300 refused commands, or 5,000 frames that bring none, within 10 s."""
    LOGIN_ENDED = 4500
    PROTOCOL_VIOLATION = 4501
    """Not a JSON object, or no usable `ref`."""
    TOO_MANY_CONNECTIONS = 4502
    DEACTIVATED = 4503
