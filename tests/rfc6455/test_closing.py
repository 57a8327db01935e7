"""The closing handshake, section 7 of RFC 6455, against the running gateway."""

import pytest

from tests.rfc6455.raw_socket import (
    CLOSE,
    CONT,
    PING,
    TEXT,
    close,
    command,
    fragments,
    frame,
    handshake,
    open_raw,
    open_tcp,
)  # fmt: skip
from tests.stack import Stack
from tests.wire import Person, eventually

# Section 7.4.1, and those that the registry of section 11.7 has taken up since.
VALID = [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4501, 4999]
INVALID = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]


@pytest.mark.parametrize("code", VALID)
async def test_a_close_is_answered_with_its_code_and_the_server_ends_the_socket(anna: Person, code: int):
    """Sections 5.5.1 and 7.1.1."""
    async with open_raw(anna) as raw:
        raw.send(close(code, "für heute".encode()))
        received = await raw.read_all()
        assert [(each.opcode, each.code) for each in received] == [(CLOSE, code)]


async def test_a_close_without_a_code_is_answered_without_one(anna: Person):
    """Section 7.1.5: 1005 is never on the wire."""
    async with open_raw(anna) as raw:
        raw.send(frame(CLOSE))
        assert [(each.opcode, each.payload) for each in await raw.read_all()] == [(CLOSE, b"")]


async def test_the_longest_reason_is_123_bytes(anna: Person):
    """Section 5.5."""
    async with open_raw(anna) as raw:
        raw.send(close(1000, b"r" * 123))
        assert [each.code for each in await raw.read_all()] == [1000]


@pytest.mark.parametrize("code", INVALID)
async def test_a_code_that_may_not_be_sent_is_a_protocol_error(anna: Person, code: int):
    """Section 7.4."""
    async with open_raw(anna) as raw:
        raw.send(close(code))
        assert [each.code for each in await raw.read_all()] == [1002]


async def test_half_a_code_is_a_protocol_error(anna: Person):
    """Section 5.5.1: the first two bytes are the code."""
    async with open_raw(anna) as raw:
        raw.send(frame(CLOSE, b"\x03"))
        assert [each.code for each in await raw.read_all()] == [1002]


@pytest.mark.parametrize("reason", [b"\xff", b"\xed\xa0\x80", "€".encode()[:2]])
async def test_a_reason_that_is_not_utf8_is_1007(anna: Person, reason: bytes):
    """Section 8.1."""
    async with open_raw(anna) as raw:
        raw.send(close(1000, reason))
        assert [each.code for each in await raw.read_all()] == [1007]


async def test_a_close_may_come_within_a_message(anna: Person):
    """Section 5.4: control frames may be injected in the middle of a fragmented message."""
    async with open_raw(anna) as raw:
        raw.send(frame(TEXT, b"{", fin=False), close(1001))
        assert [each.code for each in await raw.read_all()] == [1001]


async def test_what_comes_after_a_close_is_ignored(anna: Person):
    """Section 5.5.1."""
    async with open_raw(anna) as raw:
        raw.send(close(1000), frame(TEXT, command(1)), frame(PING, b"x"), close(1001), b"\xff" * 9_000)
        assert [each.code for each in await raw.read_all()] == [1000]


async def test_a_command_right_before_a_close_harms_nothing(anna: Person):
    async with open_raw(anna) as raw:
        raw.send(*(frame(TEXT, command(ref)) for ref in range(1, 60)), close(1000))
        received = await raw.read_all()
        assert received[-1].code == 1000
        assert [each.opcode for each in received].count(CLOSE) == 1
    async with open_raw(anna) as raw:
        assert await raw.is_alive()


async def test_the_server_sends_no_data_after_its_close(anna: Person):
    """Section 5.5.1, though answers were under way."""
    async with open_raw(anna) as raw:
        raw.send(*(frame(TEXT, command(ref)) for ref in range(1, 31)), frame(TEXT, b"[]"))
        received = []
        while not received or received[-1].opcode != CLOSE:
            each = await raw.read_frame()
            assert each is not None
            received.append(each)
        assert received[-1].code == 4501
        raw.send(close(4501))
        assert await raw.read_all() == []


async def test_a_peer_that_answers_a_close_is_let_go_at_once(anna: Person):
    """Section 7.1.1: the server ends the socket first."""
    async with open_raw(anna) as raw:
        raw.send(frame(TEXT, b"[]"))
        closed = await raw.read_frame()
        assert closed is not None
        raw.send(close(closed.code or 0))
        assert await raw.read_frame() is None


async def test_a_peer_that_never_answers_a_close_is_dropped(anna: Person, stack: Stack):
    """Section 7.1.1: after a moment the server need not wait."""
    async with open_raw(anna) as raw:
        raw.send(frame(TEXT, b"[]"))
        closed = await raw.read_frame()
        assert closed is not None
        assert closed.code == 4501
        assert await raw.read_frame() is None


@pytest.mark.parametrize(
    "sent",
    [b"", b"\x81", frame(TEXT, b"{", fin=False), frame(TEXT, command(1))],
    ids=["nothing", "half a head", "half a message", "a command"],
)
async def test_a_half_that_is_ended_ends_the_connection(anna: Person, sent: bytes):
    """Section 7.1.4: without a close frame the connection is closed all the same."""
    async with open_raw(anna) as raw:
        raw.send(sent)
        raw.writer.write_eof()
        assert {each.opcode for each in await raw.read_all()} <= {TEXT, PING}


async def test_peers_that_vanish_leave_nothing_behind(anna: Person, stack: Stack):
    """The user's 20 connections are free again for the next ones."""
    for _ in range(2):
        for ending in (b"", b"\x81", frame(CONT, b"x"), close(1000), *fragments(b"{", b"}")[:1]):
            for _ in range(4):
                async with open_raw(anna) as raw:
                    raw.send(ending)

    async def has_room() -> bool:
        async with open_raw(anna) as raw:
            raw.send(frame(TEXT, command(1)))
            each = await raw.read_frame()
            return each is not None and each.opcode == TEXT

    assert await eventually(has_room)


async def test_frames_sent_with_the_handshake_do_not_break_it(anna: Person):
    """Section 4.1 has the client wait; one that does not is met after the handshake or not at all."""
    async with open_tcp(anna.url) as raw:
        authorization = {"Authorization": f"Bearer {anna.token}"}
        raw.send(handshake("localhost", authorization), b"\x81\x80\x00\x00\x00\x00")
        for _ in range(3):
            raw.send(frame(PING, b"early"))
            await raw.writer.drain()
        status, _ = await raw.read_head()
        assert status == 101
        assert (await raw.read_frame()) is not None
