"""How members of each kind of server say a message, and how its copies and its ack look on the wire. No I/O.

The patterns begin with a literal: `re` then skips what lies between at the speed of a search.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from bench.load.wire import text_frame

TEXT = "x" * 200
# Ids of a run sort in the order of sending, as clients' UUIDs of version 7 do; the number is their end.
ID_BEFORE_NUMBER = "01930000-0000-7000-8000-"


@dataclass(frozen=True)
class Speech:
    """What a talker needs to know of a protocol. Numbers are hexadecimal in both patterns."""

    say: Callable[[str, int], bytes]
    """The bytes that say message number n in a room."""
    heard: re.Pattern[bytes]
    """Finds the copies that reach a member; group 1 is the number."""
    not_heard_after: bytes = b""
    """What stands before a match that is no copy: the sender's own reply."""
    acked: re.Pattern[bytes] | None = None
    """Finds replies: the number, and the code of a refusal. None: one's own copy is the ack."""


def _say_chatcraft(room_id: str, number: int) -> bytes:
    return text_frame(
        b'{"op":"messages.send","ref":%d,"d":{"room_id":"%b","id":"%b%012x","text":"%b"}}'
        % (number, room_id.encode(), ID_BEFORE_NUMBER.encode(), number, TEXT.encode())
    )


def _say_xmpp(room: str, number: int) -> bytes:
    return b"<message to='%b' type='groupchat' id='%x'><body>%b</body></message>" % (
        room.encode(), number, TEXT.encode(),
    )  # fmt: skip


CHATCRAFT = Speech(
    say=_say_chatcraft,
    # An event's `d`, and each message of a `room.changes`.
    heard=re.compile(rb'\{"id":"[0-9a-f-]{24}([0-9a-f]{12})","room_id":'),
    not_heard_after=b'"message":',
    acked=re.compile(rb'\{"ref":(\d+),"(?:ok"|error":\{"code":"(\w+))'),
)
XMPP = Speech(
    say=_say_xmpp,
    # The room sends the copies, the sender's own too, once its archive has the message.
    heard=re.compile(rb"<message [^>]*? id='([0-9a-f]+)'"),
)


class XmppOpening:
    """A client's stream from its first byte to its place in a room; see RFC 6120 and XEP-0045."""

    def __init__(self, host: str, user: str, password: str, room: str) -> None:
        stream = (
            f"<?xml version='1.0'?><stream:stream to='{host}' version='1.0' xmlns='jabber:client' "
            "xmlns:stream='http://etherx.jabber.org/streams'>"
        ).encode()
        plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        auth = f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
        bind = "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        join = (
            f"<presence to='{room}/{user}'><x xmlns='http://jabber.org/protocol/muc'>"
            "<history maxstanzas='0'/></x></presence>"
        )
        self.request = stream
        self.is_ready = False
        self._steps = [
            (b"PLAIN", auth.encode()),
            (b"<success", stream),
            (b"xmpp-bind", bind.encode()),
            (b"id='bind'", join.encode()),
            (b"code='110'", b""),  # one's own presence in the room
        ]
        self._data = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the server; return what to send. Raises ConnectionError if it refuses."""
        self._data += data
        if b"<failure" in self._data or b"stream:error" in self._data or b"type='error'" in self._data:
            raise ConnectionError(f"the server refused: {self._data[-300:]!r}")
        marker, answer = self._steps[0]
        if marker not in self._data:
            return b""
        self._data = b""
        del self._steps[0]
        self.is_ready = not self._steps
        return answer
