"""Handshakes that are broken, foreign or never finished: refused in one shape, and nobody else notices."""

import json
import resource
from contextlib import AsyncExitStack, ExitStack
from urllib.parse import urlsplit

import pytest

from tests.rfc6455.raw_socket import handshake, open_raw, open_tcp
from tests.stack import Stack
from tests.wire import People, Person

CROWD = 1_000
KEY = "Sec-WebSocket-Key"
VERSION = "Sec-WebSocket-Version"

# What differs from a good handshake, and the status that it deserves (RFC 6455, section 4.2).
HEADERS = [
    ({"Upgrade": None}, 426),
    ({"Upgrade": "h2c"}, 426),
    ({"Upgrade": "websocket, h2c"}, 426),
    ({"Connection": None}, 426),
    ({"Connection": "close"}, 426),
    ({"Connection": "keep-alive"}, 426),
    ({KEY: None}, 400),
    ({KEY: ""}, 400),
    ({KEY: "YWJj"}, 400),
    ({KEY: "dGhlIHNhbXBsZSBub25jZQ== and more"}, 400),
    ({KEY: f"dGhlIHNhbXBsZSBub25jZQ==\r\n{KEY}: dGhlIHNhbXBsZSBub25jZQ=="}, 400),
    ({VERSION: None}, 426),
    ({VERSION: "8"}, 426),
    ({VERSION: "13, 8"}, 426),
    ({VERSION: f"13\r\n{VERSION}: 13"}, 426),
    ({"Host": None}, 400),
    ({"Host": "a\r\nHost: b"}, 400),
    ({"Content-Length": "5"}, 400),
    ({"Transfer-Encoding": "chunked"}, 400),
    ({"Sec-WebSocket-Protocol": "chatcraft.v1,,;;"}, 400),
    ({"X-Long": "a" * 9_000}, 431),
    ({f"X-{number}": "a" for number in range(200)}, 431),
    ({"X-Nul": "a\x00b"}, 400),
]
STARTS = [
    ("POST /ws HTTP/1.1", 405),
    ("GET /ws HTTP/1.0", 505),
    ("GET /ws HTTP/2.0", 505),
    ("GET /ws%0d%0aX-Injected:1 HTTP/1.1", 403),
    ("GET /elsewhere HTTP/1.1", 403),
    ("GET /ws?" + "a" * 9_000 + " HTTP/1.1", 414),
    ("GET /w\xe9 HTTP/1.1", 400),
    ("\x16\x03\x01\x02\x00\x01", 400),
]


async def refuse(url: str, sent: bytes) -> tuple[int, dict[str, str]]:
    """Send a handshake; return status and headers of the refusal, whose shape is checked."""
    async with open_tcp(url) as raw:
        raw.send(sent)
        status, headers = await raw.read_head()
        assert status != 101
        body = await raw.reader.readexactly(int(headers["content-length"]))
        assert set(json.loads(body)["error"]) == {"code", "message", "retry_after_ms", "details"}
        assert "x-injected" not in headers
        return status, headers


def bearer(person: Person) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {person.token}"}


@pytest.mark.parametrize(("lines", "status"), HEADERS, ids=lambda each: str(each)[:60])
async def test_a_handshake_that_is_none_is_refused(anna: Person, lines: dict[str, str | None], status: int):
    answered, headers = await refuse(anna.url, handshake("here", bearer(anna) | lines))
    assert answered == status
    assert status != 426 or headers["upgrade"] == "websocket"
    assert VERSION not in lines or headers[VERSION.lower()] == "13"


@pytest.mark.parametrize(("start", "status"), STARTS, ids=lambda each: repr(each)[:40])
async def test_a_request_line_that_is_none_is_refused(anna: Person, start: str, status: int):
    assert (await refuse(anna.url, handshake("here", bearer(anna), start)))[0] == status


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "{own}.evil.example",
        "http://evil.example?{own}",
        "http://evil.example#{own}",
        "http://{host}@evil.example",
        "{own}@evil.example",
        "{own}/",
        "{own}/path",
        "{own}, {own}",
        "{own} http://evil.example",
        "file://{host}",
        "ws://{host}",
        "javascript://{host}",
        "//{host}",
        "{host}",
        "http://127.0.0.1",
        "http://localhost:{port}",
        "http://[::ffff:127.0.0.1]:{port}",
        "http://0x7f.1:{port}",
        "{own}\r\nOrigin: {own}",
        "http://[",
    ],
)
async def test_an_origin_that_only_looks_like_ours_is_refused(anna: Person, origin: str):
    host = urlsplit(anna.url).netloc
    value = origin.format(own=anna.url, host=host, port=urlsplit(anna.url).port)
    answered, _ = await refuse(anna.url, handshake(host, bearer(anna) | {"Origin": value}))
    assert answered == (400 if "\r\n" in origin else 403)


@pytest.mark.parametrize("lines", [{"X-Forwarded-Host": "evil.example"}, {"Forwarded": "host=evil.example"}])
async def test_a_forwarded_host_does_not_move_our_origin(anna: Person, lines: dict[str, str]):
    foreign = bearer(anna) | lines | {"Origin": "http://evil.example"}
    assert (await refuse(anna.url, handshake(urlsplit(anna.url).netloc, foreign)))[0] == 403


async def test_refusals_write_no_errors_into_the_logs(stack: Stack, anna: Person):
    stack.mark_logs()
    for lines in ({}, {"Authorization": "Bearer x"}, bearer(anna) | {"Origin": "null"}):
        await refuse(anna.url, handshake("here", lines))
    assert "error" not in stack.read_logs().lower()


@pytest.mark.parametrize("sent", [b"", b"GET /ws HT", handshake("here")[:-2]], ids=["silent", "word", "head"])
async def test_a_thousand_handshakes_that_are_never_finished_stop_nobody(
    people: People, anna: Person, sent: bytes
):
    with raised_descriptor_limit():
        async with AsyncExitStack() as crowd:
            for _ in range(CROWD):
                raw = await crowd.enter_async_context(open_tcp(anna.url))
                raw.send(sent)
            newcomer = await people.register("newcomer")
            assert await newcomer.rest("GET", "/users/me")
            async with open_raw(newcomer) as socket, open_raw(anna) as other:
                assert await socket.is_alive()
                assert await other.is_alive()


def raised_descriptor_limit() -> ExitStack:
    """Let this process, too, have so many sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4_096)), hard))
    restore = ExitStack()
    restore.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
    return restore
