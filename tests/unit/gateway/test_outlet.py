"""A fan-out over real sockets: what one does not take waits behind it, and the others do not notice."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from services.gateway.outlet import QueueOutlet, SocketOutlet, fan_out

FRAME = bytes(range(256)) * 16


class Line:
    """A socket with an outlet, its reader, and what the outlet could not send."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.queued: list[bytes] = []
        self.outlet = SocketOutlet(self.ours.fileno(), self.queued.append)

    def read(self) -> bytes:
        parts = []
        while True:
            try:
                parts.append(self.theirs.recv(65_536))
            except BlockingIOError:
                return b"".join(parts)

    def fill(self) -> bytes:
        """Send until nothing fits any more; returns what was taken."""
        taken = b""
        while True:
            try:
                sent = self.outlet.send(FRAME)
            except BlockingIOError:
                return taken
            taken += FRAME[:sent]

    def close(self) -> None:
        self.outlet.shut()
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def lines() -> Iterator[list[Line]]:
    lines = [Line() for _ in range(3)]
    yield lines
    for line in lines:
        line.close()


def test_everybody_is_sent_the_frames(lines: list[Line]) -> None:
    queued: list[bytes] = []
    fan_out([QueueOutlet(queued.append), *(line.outlet for line in lines)], FRAME)
    assert [line.read() for line in lines] == [FRAME] * 3
    assert queued == [FRAME]
    assert not any(line.queued for line in lines)


def test_who_takes_nothing_finds_it_in_the_queue_and_its_neighbours_are_sent_theirs(
    lines: list[Line],
) -> None:
    full, last = lines[0], lines[-1]
    taken = full.fill()
    last.theirs.close()  # sending to it is an error of another kind
    fan_out([line.outlet for line in lines], FRAME)
    assert full.queued == [FRAME]
    assert full.read() == taken
    assert lines[1].read() == FRAME
    assert last.queued == [FRAME]


def test_what_is_taken_in_part_is_queued_from_there(lines: list[Line]) -> None:
    line = lines[0]
    big = FRAME * 1_000
    fan_out([line.outlet], big)
    (rest,) = line.queued
    taken = line.read()
    assert taken + rest == big
    assert len(taken) > 0


def test_a_shut_outlet_sends_nothing_even_when_its_descriptor_is_somebody_elses(lines: list[Line]) -> None:
    line = lines[0]
    descriptor = line.ours.fileno()
    line.outlet.shut()
    line.ours.close()
    line.ours, other = socket.socketpair()
    with closing(other):
        assert descriptor in {line.ours.fileno(), other.fileno()}, "the kernel gives the lowest number"
        fan_out([line.outlet], FRAME)
        for end in (line.ours, other):
            end.setblocking(False)
            with pytest.raises(BlockingIOError):
                end.recv(1)
    assert line.queued == [FRAME]


def test_an_outlet_that_is_opened_again_sends_again(lines: list[Line]) -> None:
    line = lines[0]
    line.outlet.shut()
    fan_out([line.outlet], b"while shut")
    line.outlet.open()
    fan_out([line.outlet], b"open again")
    assert line.queued == [b"while shut"]
    assert line.read() == b"open again"


def test_the_descriptor_outlives_its_outlet(lines: list[Line]) -> None:
    line = lines[0]
    line.outlet = SocketOutlet(line.ours.fileno(), line.queued.append)  # the first is gone
    line.ours.send(FRAME)
    assert line.read() == FRAME
