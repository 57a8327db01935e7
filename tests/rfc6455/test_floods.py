"""What the RFC allows in small numbers, sent in large ones: bounded in memory and time (section 10.4)."""

import asyncio
from pathlib import Path

import pytest

from tests.rfc6455.raw_socket import (
    CLOSE,
    CONT,
    PING,
    PONG,
    TEXT,
    command,
    fragments,
    frame,
    open_raw,
)
from tests.stack import Stack
from tests.wire import Person

FRAMES = 100_000
GROWTH_MAX_BYTES = 48 * 1024 * 1024


def resident_bytes(stack: Stack) -> int:
    status = Path(f"/proc/{stack.find('gateway').pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


FLOODS = {
    "tiny fragments": frame(TEXT, b" ", fin=False) + frame(CONT, b" ", fin=False) * (FRAMES - 1),
    "empty fragments": frame(TEXT, b"", fin=False) + frame(CONT, b"", fin=False) * (FRAMES - 1),
    "pings": frame(PING, b"x") * FRAMES,
    "long pings": frame(PING, b"x" * 125) * FRAMES,
    "pongs": frame(PONG) * FRAMES,
    "pings within a message": (frame(TEXT, b"{", fin=False) + frame(PING) * FRAMES),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_of_frames_without_a_command_is_cut_and_neighbours_are_served(
    stack: Stack, anna: Person, name: str
):
    before = resident_bytes(stack)
    async with open_raw(anna) as neighbour, open_raw(anna) as raw:
        raw.send(FLOODS[name])
        for ref in range(1, 11):
            assert await neighbour.is_alive(ref)
        received = await raw.read_all()
        assert [each.code for each in received if each.opcode == CLOSE] == [4004]
        assert len(received) < FRAMES // 10
        assert resident_bytes(stack) - before < GROWTH_MAX_BYTES


async def test_many_flooders_at_once_do_not_stop_a_neighbour(stack: Stack, anna: Person, bert: Person):
    async with open_raw(anna) as neighbour:

        async def flood() -> None:
            async with open_raw(bert) as raw:
                raw.send(FLOODS["pings"])
                await raw.read_all()

        flooding = [asyncio.create_task(flood()) for _ in range(15)]
        for ref in range(1, 11):
            assert await neighbour.is_alive(ref)
        await asyncio.gather(*flooding)


async def test_a_flooder_that_never_reads_costs_no_memory(stack: Stack, anna: Person):
    before = resident_bytes(stack)
    async with open_raw(anna) as neighbour, open_raw(anna) as raw:
        raw.writer.transport.pause_reading()
        raw.send(FLOODS["long pings"])
        for ref in range(1, 11):
            assert await neighbour.is_alive(ref)
        assert resident_bytes(stack) - before < GROWTH_MAX_BYTES


async def test_the_longest_message_may_come_in_pieces_of_64_bytes(anna: Person):
    whole = command(1, 262_144)
    async with open_raw(anna) as raw:
        raw.send(*fragments(*(whole[at : at + 64] for at in range(0, len(whole), 64))))
        assert "ok" in await raw.read_reply(1)
