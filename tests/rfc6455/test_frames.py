"""Framing, fragments, control frames and UTF-8, row by row, against the running gateway.

Every row names its section of RFC 6455, what is sent, and what must come of it.
"""

import json
from typing import NamedTuple

import pytest

from tests.rfc6455.raw_socket import (
    BINARY,
    CLOSE,
    CONT,
    FIN,
    MASKED,
    PING,
    PONG,
    RSV1,
    RSV2,
    RSV3,
    TEXT,
    command,
    fragments,
    frame,
    head,
    open_raw,
    unmasked,
)  # fmt: skip
from tests.wire import Person

LIMIT = 262_144
EURO = "€".encode()


class Row(NamedTuple):
    section: str
    what: str
    sent: list[bytes]

    def __str__(self) -> str:
        return f"{self.section} {self.what}"


def text(value: bytes) -> list[bytes]:
    return [frame(TEXT, value)]


def padded(*, split_at: int) -> list[bytes]:
    """The longest command there may be, in two fragments, with a full ping between them."""
    whole = command(1, LIMIT)
    first, last = fragments(whole[:split_at], whole[split_at:])
    return [first, frame(PING, b"p" * 125), last]


ANSWERED = [
    Row("5.2", "a length of 7 bits", text(command(1))),
    Row("5.2", "the longest of 7 bits", text(command(1, 125))),
    Row("5.2", "the shortest of 16 bits", text(command(1, 126))),
    Row("5.2", "the longest of 16 bits", text(command(1, 65_535))),
    Row("5.2", "the shortest of 64 bits", text(command(1, 65_536))),
    Row("5.2", "as long as a message may be", text(command(1, LIMIT))),
    Row("5.4", "two fragments", fragments(command(1)[:9], command(1)[9:])),
    Row("5.4", "a fragment for every byte", fragments(*(bytes((each,)) for each in command(1)))),
    Row("5.4", "empty fragments at both ends", fragments(b"", command(1), b"")),
    Row("5.4", "a ping between fragments", [
        frame(TEXT, command(1)[:9], fin=False), frame(PING, b"x"), frame(CONT, command(1)[9:]),
    ]),
    Row("5.4", "a ping between fragments of the longest message", padded(split_at=LIMIT - 10)),
    Row("5.4", "a ping after as many bytes as a message may have", padded(split_at=LIMIT)),
    Row("5.5.2", "a ping without payload", [frame(PING), *text(command(1))]),
    Row("5.5.2", "the longest ping", [frame(PING, b"p" * 125), *text(command(1))]),
    Row("5.5.3", "a pong that nobody asked for", [frame(PONG, b"hello"), *text(command(1))]),
]  # fmt: skip

PROTOCOL_ERRORS = [
    Row("5.1", "a text frame without a mask", [unmasked(TEXT, command(1))]),
    Row("5.1", "a ping without a mask", [unmasked(PING, b"")]),
    Row("5.1", "a close frame without a mask", [unmasked(CLOSE, b"\x03\xe8")]),
    *(
        Row("5.2", f"reserved bit {bit:#x} on opcode {opcode}", [frame(opcode, b"", rsv=bit)])
        for bit in (RSV1, RSV2, RSV3, RSV1 | RSV2 | RSV3)
        for opcode in (TEXT, BINARY, PING, CLOSE)
    ),
    *(
        Row("5.2", f"reserved opcode {opcode:#x}", [frame(opcode, b"")])
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    ),
    Row("5.2", "5 bytes with a length of 16 bits", [frame(TEXT, b"hello", width=2)]),
    Row("5.2", "125 bytes with a length of 16 bits", [frame(TEXT, b"x" * 125, width=2)]),
    Row("5.2", "5 bytes with a length of 64 bits", [frame(TEXT, b"hello", width=8)]),
    Row("5.2", "65,535 bytes with a length of 64 bits", [frame(TEXT, b"x" * 65_535, width=8)]),
    Row("5.2", "no bytes with a length of 64 bits", [frame(TEXT, b"", width=8)]),
    Row("5.2", "a length whose first bit is 1", [head(TEXT | FIN, 2**63)]),
    Row("5.2", "a length of nothing but ones", [head(TEXT | FIN, 2**64 - 1)]),
    Row("5.4", "a continuation of nothing", [frame(CONT, b"x")]),
    Row("5.4", "an unfinished continuation of nothing", [frame(CONT, b"x", fin=False)]),
    Row("5.4", "a continuation after a whole message", [*text(command(1)), frame(CONT, b"x")]),
    Row("5.4", "a new text within a message", [frame(TEXT, b"{", fin=False), frame(TEXT, b"}")]),
    Row("5.4", "a new binary within a message", [frame(TEXT, b"{", fin=False), frame(BINARY, b"}")]),
    *(
        Row("5.5", f"a fragmented control frame {opcode:#x}", [frame(opcode, b"", fin=False)])
        for opcode in (CLOSE, PING, PONG)
    ),
    *(
        Row("5.5", f"a control frame {opcode:#x} of 126 bytes", [frame(opcode, b"\x03\xe8" + b"x" * 124)])
        for opcode in (CLOSE, PING, PONG)
    ),
    Row("5.5", "a ping that says it is huge", [head(PING | FIN, 2**62)]),
]  # fmt: skip

TOO_BIG = [
    Row("10.4", "a length of 2^63-1", [head(TEXT | FIN, 2**63 - 1)]),
    Row("10.4", "a binary length of 2^63-1", [head(BINARY | FIN, 2**63 - 1)]),
    Row("10.4", "ten times the limit, announced", [head(TEXT | FIN, 10 * LIMIT)]),
    Row("10.4", "one byte above the limit", text(command(1, LIMIT + 1))),
    Row("10.4", "fragments above the limit", fragments(b" " * LIMIT, b" " * 200)),
    Row("10.4", "a first fragment above the limit", [head(TEXT, LIMIT + 200)]),
    Row("10.4", "a fragment that will go above the limit", [
        frame(TEXT, b" " * LIMIT, fin=False), head(CONT | FIN, 2**40),
    ]),
]  # fmt: skip

NOT_UTF8 = {
    "a lone continuation byte": b"\x80",
    "a byte that never occurs": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xe0\x80\x80",
    "a surrogate": b"\xed\xa0\x80",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "a character cut off": EURO[:2],
}
BAD_TEXT = [
    *(Row("8.1", what, text(b'{"op":"' + bad + b'"}')) for what, bad in NOT_UTF8.items()),
    *(
        Row("8.1", f"{what}, in fragments", fragments(b'{"op":"' + bad[:1], bad[1:] + b'"}'))
        for what, bad in NOT_UTF8.items()
    ),
    Row("8.1", "a character that the end of the message cuts off", text(b"{}" + EURO[:2])),
]

BINARY_MESSAGES = [
    Row("5.6", "a binary message", [frame(BINARY, command(1))]),
    Row("5.6", "a binary message in fragments", fragments(command(1)[:5], command(1)[5:], opcode=BINARY)),
]
REFUSED = [
    *((row, 1002) for row in PROTOCOL_ERRORS),
    *((row, 1003) for row in BINARY_MESSAGES),
    *((row, 1007) for row in BAD_TEXT),
    *((row, 1009) for row in TOO_BIG),
]


@pytest.mark.parametrize("row", ANSWERED, ids=str)
async def test_what_the_rfc_allows_is_answered(anna: Person, row: Row):
    async with open_raw(anna) as raw:
        raw.send(*row.sent)
        assert "ok" in await raw.read_reply(1)
        assert await raw.is_alive()


@pytest.mark.parametrize(("row", "code"), REFUSED, ids=str)
async def test_what_the_rfc_forbids_closes_with_its_code_and_then_the_socket(
    anna: Person, row: Row, code: int
):
    async with open_raw(anna) as raw:
        raw.send(*row.sent)
        received = await raw.read_all()
        assert [each.code for each in received if each.opcode == CLOSE] == [code]
        assert received[-1].opcode == CLOSE, "nothing follows a close frame (section 5.5.1)"


async def test_a_ping_is_answered_with_its_payload_in_order(anna: Person):
    async with open_raw(anna) as raw:
        payloads = [b"", b"a", b"\x00\xff" * 62, b"z" * 125]
        raw.send(*(frame(PING, payload) for payload in payloads))
        pongs = [await raw.read_frame() for _ in payloads]
        assert [(pong.first, pong.payload) for pong in pongs if pong] == [
            (FIN | PONG, payload) for payload in payloads
        ]


async def test_a_ping_within_a_message_is_answered_before_the_message_is_whole(anna: Person):
    async with open_raw(anna) as raw:
        raw.send(frame(TEXT, command(1)[:9], fin=False), frame(PING, b"now"))
        pong = await raw.read_frame()
        assert pong is not None
        assert (pong.opcode, pong.payload) == (PONG, b"now")
        raw.send(frame(CONT, command(1)[9:]))
        assert "ok" in await raw.read_reply(1)


async def test_a_character_may_be_cut_by_fragments(anna: Person):
    whole = b'{"op":"users.search","ref":1,"d":{"q":"' + "a€𝄞".encode() + b'"}}'
    async with open_raw(anna) as raw:
        raw.send(*fragments(*(bytes((each,)) for each in whole)))
        assert "ok" in await raw.read_reply(1)


async def test_a_frame_that_comes_byte_by_byte_is_a_frame(anna: Person):
    async with open_raw(anna) as raw:
        for each in frame(PING, b"slow") + frame(TEXT, command(1, 200)):
            raw.send(bytes((each,)))
            await raw.writer.drain()
        pong = await raw.read_frame()
        assert pong is not None
        assert pong.payload == b"slow"
        assert "ok" in await raw.read_reply(1)


async def test_frames_that_come_in_one_piece_are_all_taken(anna: Person):
    async with open_raw(anna) as raw:
        raw.send(*(frame(TEXT, command(ref)) for ref in range(1, 41)))
        refs = set()
        while len(refs) < 40:
            received = await raw.read_frame()
            assert received is not None
            if received.opcode != PING:  # the node's own may come between
                refs.add(json.loads(received.payload)["ref"])
        assert refs == set(range(1, 41))


async def test_a_length_that_lies_takes_no_memory_and_no_patience(anna: Person, bert: Person):
    async with open_raw(anna) as neighbour:
        for _ in range(50):
            async with open_raw(anna) as raw:
                raw.send(bytes((TEXT | FIN, MASKED | 127)) + (2**63 - 1).to_bytes(8))
                closed = await raw.read_frame()
                assert closed is not None
                assert closed.code == 1009
        assert await neighbour.is_alive()
