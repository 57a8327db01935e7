"""What detach.py, request_head.py and strict_core.py ride on inside uvicorn and websockets.

When this fails after an upgrade, its words say what moved; read the three files against it first.
"""

import inspect
from importlib import metadata
from typing import Any

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidHeader
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.frames import CTRL_OPCODES, Frame, Opcode
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

SOCKET, HTTP = WebSocketsSansIOProtocol, HttpToolsProtocol


def source(thing: Any) -> str:
    return " ".join(inspect.getsource(thing).split())


@pytest.fixture
async def instance() -> WebSocketsSansIOProtocol:
    config = uvicorn.Config(lambda: None, ws_max_size=1_000, log_config=None)
    config.load()
    return SOCKET(config, ServerState(), {})


def test_the_versions_are_those_that_were_read():
    assert metadata.version("uvicorn") == "0.54.0", "read services/gateway/detach.py against the new uvicorn"
    assert metadata.version("websockets").startswith("17."), "read strict_core.py against the new websockets"


@pytest.mark.parametrize(
    "name",
    [
        "app", "app_state", "close_sent", "close_timer", "config", "conn", "connections", "disconnected",
        "handshake_complete", "handshake_initiated", "logger", "loop", "queue", "tasks", "transport",
        "writable",
    ],
)  # fmt: skip
async def test_the_socket_protocol_still_has_the_attribute(instance: Any, name: str):
    assert name in vars(instance), f"uvicorn's socket protocol has no attribute {name} any more"


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("__init__", ["self", "config", "server_state", "app_state", "_loop"]),
        ("connection_lost", ["self", "exc"]),
        ("data_received", ["self", "data"]),
        ("eof_received", ["self"]),
        ("handle_connect", ["self", "event"]),
        ("pause_writing", ["self"]),
        ("resume_writing", ["self"]),
        ("run_asgi", ["self"]),
        ("send", ["self", "message"]),
        ("shutdown", ["self"]),
    ],
)
def test_the_socket_protocol_still_has_the_method(method: str, parameters: list[str]):
    found = list(inspect.signature(getattr(SOCKET, method)).parameters)
    assert found == parameters, f"uvicorn calls its socket protocol's {method} with {found} now"


def test_a_finished_app_closes_the_socket_unless_a_close_timer_runs():
    assert "if self.close_timer is None: self.transport.close()" in source(SOCKET.run_asgi)


def test_an_accepted_handshake_leaves_scope_request_and_response_on_the_protocol():
    text = source(SOCKET.handle_connect)
    for kept in ("self.scope:", "self.request = event", "self.response = self.conn.accept(event)"):
        assert kept in text, f"handle_connect no longer does: {kept}"
    assert '"extensions": {"websocket.http.response": {}}' in text


def test_reading_the_connect_event_does_not_resume_a_reading_that_uvicorn_did_not_pause():
    assert "if self.read_paused and self.queue.empty()" in source(SOCKET.receive)


def test_a_refused_handshake_still_counts_as_unfinished():
    """When this fails, `DetachableProtocol.send` is no longer needed."""
    refusing = source(SOCKET.send).partition("elif self.initial_response is not None:")[2]
    assert "handshake_complete" not in refusing


def test_a_request_that_cannot_be_read_still_ends_in_silence():
    """When this fails, the answer in `DetachableProtocol.data_received` is no longer needed."""
    assert "handshake_exc" not in source(SOCKET)


@pytest.mark.parametrize("name", ["headers", "loop", "parser", "scope", "transport"])
def test_the_http_protocol_still_sets_the_attribute(name: str):
    assert f"self.{name}" in source(HTTP), f"uvicorn's HTTP protocol has no attribute {name} any more"


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("connection_lost", ["self", "exc"]),
        ("connection_made", ["self", "transport"]),
        ("data_received", ["self", "data"]),
        ("handle_websocket_upgrade", ["self"]),
        ("on_headers_complete", ["self"]),
        ("on_message_begin", ["self"]),
        ("pause_writing", ["self"]),
        ("resume_writing", ["self"]),
        ("send_400_response", ["self", "msg"]),
    ],
)
def test_the_http_protocol_still_has_the_method(method: str, parameters: list[str]):
    found = list(inspect.signature(getattr(HTTP, method)).parameters)
    assert found == parameters, f"uvicorn calls its HTTP protocol's {method} with {found} now"


def test_a_lost_connection_lets_go_of_a_send_that_waits():
    assert "self.flow.resume_writing()" in source(HTTP.connection_lost)
    drained = source(RequestResponseCycle.send).partition("await self.flow.drain()")[2]
    assert "if self.disconnected: return" in drained


def test_the_http_parser_tells_the_version_and_calls_us_back():
    assert hasattr(httptools.HttpRequestParser, "get_http_version")
    assert "httptools.HttpRequestParser(self)" in source(HTTP.__init__)


def test_an_upgrade_hands_the_request_to_the_socket_protocol_as_if_it_were_new():
    text = source(HTTP.handle_websocket_upgrade)
    assert "protocol.data_received(" in text
    assert "self.transport.set_protocol(protocol)" in text


def test_frames_are_still_read_as_head_length_mask_payload():
    text = source(Frame.parse)
    reads = [part.split(")")[0] for part in text.split("yield from read_exact(")[1:]]
    assert reads == ["2", "2", "8", "4", "length"], "strict_core.py judges frames by this order of reads"


def test_the_core_still_makes_its_reader_before_its_parser():
    text = source(Protocol.__init__)
    assert text.index("self.reader = StreamReader()") < text.index("self.parser = self.parse()")
    assert "self.reader.read_exact" in source(Protocol.parse)
    assert list(inspect.signature(StreamReader.read_exact).parameters) == ["self", "n"]


def test_the_core_still_ends_with_send_eof_where_a_server_closes_first():
    assert "if self.side is SERVER: self.send_eof()" in source(Protocol.recv_frame)
    assert "if self.side is SERVER and not self.eof_sent: self.send_eof()" in source(Protocol.fail)
    assert "self.eof_sent = True" in source(Protocol.send_eof)


def test_a_failed_core_takes_nothing_further():
    assert "self.parser = self.discard()" in source(Protocol.fail)


def test_the_core_still_forgets_that_a_close_may_stand_within_a_message():
    """When this fails, `StrictProtocol.recv_frame` is no longer needed."""
    assert "incomplete fragmented message" in source(Protocol.recv_frame)


def test_the_core_still_counts_control_frames_against_what_a_message_has_left():
    """When this fails, the 125 bytes that `StrictProtocol` adds are no longer needed."""
    assert "max_size = self.max_message_size - self.current_size" in source(Protocol.parse)


def test_names_of_the_core_that_are_used_are_there():
    protocol = ServerProtocol()
    for name in ("close_rcvd", "current_size", "eof_sent", "extensions", "handshake_exc", "state"):
        assert hasattr(protocol, name), f"websockets' core has no attribute {name} any more"
    assert State.OPEN in State
    assert {Opcode.CLOSE, Opcode.PING, Opcode.PONG} == set(CTRL_OPCODES)
    assert InvalidHeader("Sec-WebSocket-Version").name == "Sec-WebSocket-Version"
    assert "text" in inspect.signature(ServerProtocol.reject).parameters


def test_an_accepted_compression_still_says_its_window():
    factory = ServerPerMessageDeflateFactory(server_max_window_bits=12)
    _, extension = factory.process_request_params([("server_max_window_bits", "10")], [])
    assert isinstance(extension, PerMessageDeflate)
    assert extension.local_max_window_bits == 10
