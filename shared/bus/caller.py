"""Who calls, as the gateway vouches for it in the one identity header of a forwarded command."""

from typing import NamedTuple

CALLER_HEADER = "C"
AGENT_HEADER = "A"
_NOBODY = "-"


class Caller(NamedTuple):
    """The verified caller; of a public command only `address` is known, the rest is empty."""

    user_id: str
    login_id: str
    role: str
    address: str

    def encode(self) -> str:
        """Return `<user> <login> <role> <address>`, a dash for what is unknown."""
        return " ".join(part or _NOBODY for part in self)

    @classmethod
    def decode(cls, header: str) -> "Caller":
        parts = ["" if part == _NOBODY else part for part in header.split(" ")]
        if len(parts) != len(cls._fields):
            raise ValueError("the caller header has four parts")
        return cls(*parts)


def find_header(block: bytes | None, name: str) -> str | None:
    """Return the value of a header in NATS's block, or None; without any headers there is no block."""
    if not block:
        return None
    _, found, rest = block.partition(b"\r\n%b: " % name.encode())
    return rest.partition(b"\r\n")[0].decode() if found else None


def encode_headers(caller: Caller, agent: str = "") -> bytes:
    """Return NATS's block of headers; line breaks in `agent`, a client's own words, become spaces."""
    block = f"NATS/1.0\r\n{CALLER_HEADER}: {caller.encode()}\r\n"
    if agent:
        block += f"{AGENT_HEADER}: {' '.join(agent.split())}\r\n"
    return block.encode() + b"\r\n"
