"""The load of the store's benchmark: what counts as a copy, what as an ack, however the bytes are cut."""

import asyncio

import msgspec
import pytest

from bench.load.load_process import LoadFailed
from bench.load.speech import CHATCRAFT, ID_BEFORE_NUMBER, XMPP, Speech, XmppOpening
from bench.load.talk import Talk, Talker
from services.gateway.frames import text_frame
from services.messages.domain.frames import room_frame

ROOM = "01910000-0000-7000-8000-000000000001"


class Ready:
    """A socket that needs no opening."""

    request = b""
    is_ready = True

    def feed(self, data: bytes) -> bytes:
        return b""


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))


def make_talk(speech: Speech, members: int) -> Talk:
    talk = Talk(speech)
    room: list[Talker] = []
    talk.rooms = [room]
    for _ in range(members):
        talker = Talker(talk, ROOM, room, Ready())
        talker.connection_made(Wire())
        room.append(talker)
    return talk


def message(number: int) -> bytes:
    return msgspec.json.encode({"id": f"{ID_BEFORE_NUMBER}{number:012x}", "room_id": ROOM, "text": "x" * 200})


def event(number: int) -> bytes:
    return text_frame(room_frame("message.created", ROOM, 1, number, message(number)))


def reply(number: int) -> bytes:
    return text_frame(b'{"ref":%d,"ok":{"message":%b,"duplicate":false}}' % (number, message(number)))


@pytest.mark.parametrize("step", [1, 7, 100, 100_000])
async def test_copies_and_acks_are_counted_once_however_the_bytes_are_cut(step: int):
    talk = make_talk(CHATCRAFT, 2)
    for talker in talk.talkers:
        talk.say(talker)
    numbers = list(talk.sent)
    for talker, own in zip(talk.talkers, numbers, strict=True):
        stream = b"".join([event(numbers[0]), reply(own), event(numbers[1])])
        for at in range(0, len(stream), step):
            talker.data_received(stream[at : at + step])
    assert [each.missing for each in talk.sent.values()] == [0, 0]
    assert all(each.acked_s for each in talk.sent.values())


async def test_a_doubled_copy_and_a_missing_one_are_both_said():
    talk = make_talk(CHATCRAFT, 2)
    first, second = talk.talkers
    talk.say(first)
    talk.say(second)
    one, two = talk.sent
    first.data_received(event(one) * 2 + event(two) + reply(one))
    second.data_received(event(one))
    second.data_received(reply(two))
    figures = talk.summarise(0, float("inf"))
    assert (figures["copies_doubled"], figures["copies_missing"]) == (1, 1)


async def test_a_copy_too_many_does_not_make_up_for_anothers():
    talk = make_talk(CHATCRAFT, 2)
    first, _ = talk.talkers
    talk.say(first)
    [number] = talk.sent
    first.data_received(event(number) * 2 + reply(number))
    figures = talk.summarise(0, float("inf"))
    assert (figures["copies_doubled"], figures["copies_missing"]) == (1, 1)


async def test_what_changed_meanwhile_counts_as_arrived():
    talk = make_talk(CHATCRAFT, 1)
    [talker] = talk.talkers
    talk.say(talker)
    [number] = talk.sent
    changes = b'{"ev":"room.changes","d":{"after_rev":1,"messages":[%b],"members":[]}}' % message(number)
    talker.data_received(text_frame(changes))
    assert talk.sent[number].missing == 0


async def test_a_refusal_is_counted_by_its_code_and_nothing_acked_is_a_failure():
    talk = make_talk(CHATCRAFT, 1)
    [talker] = talk.talkers
    talk.say(talker)
    [number] = talk.sent
    talker.data_received(text_frame(b'{"ref":%d,"error":{"code":"unavailable","message":"busy"}}' % number))
    assert talk.refused == {"unavailable": 1}
    with pytest.raises(LoadFailed, match="unavailable"):
        talk.summarise(0, 1)


async def test_in_xmpp_ones_own_copy_is_the_ack():
    talk = make_talk(XMPP, 2)
    first, second = talk.talkers
    talk.say(first)
    [number] = talk.sent
    copy = (
        b"<message xml:lang='en' to='a@localhost/1' from='r@conference.localhost/a' type='groupchat' "
        b"id='%x'><stanza-id by='r@conference.localhost' id='17'/><body>x</body></message>" % number
    )
    second.data_received(copy)
    assert not talk.sent[number].acked_s
    first.data_received(copy)
    assert talk.sent[number].acked_s
    assert talk.sent[number].missing == 0


def test_an_xmpp_client_is_ready_when_it_stands_in_its_room():
    opening = XmppOpening("localhost", "a", "secret", "r@conference.localhost")
    assert b"<auth " in opening.feed(b"<mechanism>PLAIN</mechanism>")
    assert opening.feed(b"<success/>") == opening.request
    assert b"<bind " in opening.feed(b"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>")
    assert b"r@conference.localhost/a" in opening.feed(b"<iq type='result' id='bind'/>")
    assert not opening.is_ready
    opening.feed(b"<presence><status code='110'/></presence>")
    assert opening.is_ready
