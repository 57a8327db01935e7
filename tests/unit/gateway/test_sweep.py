"""The sweep closes on time, with the right code, and forgives what was not the peer's doing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.gateway.connection import Connection
from services.gateway.limits import Bucket
from services.gateway.sweep import Sweep
from shared.clock import ManualClock
from shared.contracts.close_codes import CloseCode
from shared.contracts.limits import Limits
from shared.ids import new_id
from shared.tokens import Claims

START = datetime(2030, 1, 1, tzinfo=UTC)


class Setting:
    """A sweep, its clock, and one connection, which notes what is done to it."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.sweep = Sweep(self.clock, Limits())
        self.done: list[Any] = []
        start_s = START.timestamp()
        claims = Claims(new_id(), new_id(), "member", "ann", "Ann", start_s, int(start_s) + 900)
        self.connection = Connection(self, claims, "127.0.0.1", Bucket(1, 0.0))  # type: ignore[arg-type]  # what it needs of a node
        self.connection.bind(self)  # type: ignore[arg-type]  # what it needs of a transport
        self.sweep.add(self.connection)

    def pass_time(self, seconds: int, *, answers: bool = True) -> None:
        for _ in range(seconds):
            self.clock.set(self.clock.now() + timedelta(seconds=1))
            if answers:
                self.connection.on_heard()
            self.sweep.tick()

    def now_s(self) -> float:
        return self.clock.monotonic_s()

    def on_slow(self, connection: Connection) -> None:
        self.sweep.watch(connection)

    def on_drained(self, _connection: Connection) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def write(self, _frames: bytes) -> None: ...

    outlet: Any = None

    def ping(self) -> None:
        self.done.append("ping")

    def close(self, code: CloseCode, _reason: str) -> None:
        self.done.append(code)

    def abort(self) -> None:
        self.done.append("abort")


@pytest.fixture
def setting() -> Setting:
    return Setting()


def test_a_connection_is_pinged_every_25_s(setting: Setting) -> None:
    setting.pass_time(100)
    assert setting.done == ["ping"] * 4


def test_silence_of_45_s_is_the_end_without_a_close_frame(setting: Setting) -> None:
    setting.pass_time(43, answers=False)
    assert "abort" not in setting.done
    setting.pass_time(2, answers=False)
    assert "abort" in setting.done


def test_silence_does_not_count_while_the_node_itself_has_paused_reading(setting: Setting) -> None:
    setting.connection.pause_reading()
    setting.pass_time(100, answers=False)
    assert "abort" not in setting.done
    setting.connection.resume_reading()
    setting.pass_time(43, answers=False)
    assert "abort" not in setting.done


def test_an_expired_token_closes_with_4003_unless_it_was_renewed(setting: Setting) -> None:
    setting.pass_time(890)
    assert CloseCode.TOKEN_EXPIRED not in setting.done
    setting.connection.expires_at += 900
    setting.pass_time(100)
    assert CloseCode.TOKEN_EXPIRED not in setting.done
    setting.pass_time(812)
    assert CloseCode.TOKEN_EXPIRED in setting.done


def test_a_reader_that_did_not_drain_for_30_s_is_closed_with_4002(setting: Setting) -> None:
    setting.connection.on_writing_paused()
    setting.pass_time(30)
    setting.connection.on_writing_resumed()
    setting.connection.on_writing_paused()
    setting.pass_time(30)
    assert CloseCode.SLOW_CONSUMER not in setting.done
    setting.pass_time(2)
    assert CloseCode.SLOW_CONSUMER in setting.done
