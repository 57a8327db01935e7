"""Members who stay: what they say again, when they are whole after a cut, and whose latencies count."""

import json
from typing import Any

from bench.load.member import Member
from bench.load.record import Record, Said
from bench.load.wire import CLOSED

ROOM = "room-1"


def frame(body: bytes, opcode: int = 1) -> bytes:
    return bytes((0x80 | opcode, 126)) + len(body).to_bytes(2) + body


def text(message: dict[str, Any]) -> bytes:
    return frame(json.dumps(message).encode())


def element(rev: int, *message_ids: str) -> dict[str, Any]:
    messages = [{"id": each} for each in message_ids]
    position = {"epoch": 1, "rev": rev}
    return {"room": {"id": ROOM}, "position": position, "state": "caught_up", "messages": messages}


def event(rev: int, message_id: str) -> bytes:
    return text({"ev": "message.created", "room_id": ROOM, "epoch": 1, "rev": rev, "d": {"id": message_id}})


def come(member: Member, rev: int, *message_ids: str) -> None:
    member.begin()
    member.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + text({"ev": "ready", "d": {}}))
    member.feed(text({"ref": 1, "ok": {"rooms": [element(rev, *message_ids)], "next_cursor": None}}))
    assert member.is_synced


def say(record: Record, member: Member, message_id: str) -> Said:
    said = record.said[message_id] = Said(member, message_id, ROOM, 0.0)
    assert message_id.encode() in member.say(said)
    return said


def refusal(ref: int, code: str, retry_after_ms: int | None = None) -> bytes:
    error = {"code": code, "message": "", "retry_after_ms": retry_after_ms, "details": None}
    return text({"ref": ref, "error": error})


def test_what_may_be_sent_again_is_and_what_may_not_is_refused_for_good():
    record = Record()
    member = Member("token", record)
    come(member, 0)
    again, never = say(record, member, "m1"), say(record, member, "m2")
    member.feed(refusal(2, "unavailable", 300) + refusal(3, "forbidden"))
    assert member.repeats == [(again, 0.3)]
    assert (again.is_over, never.is_over) == (False, True)
    assert (dict(record.repeated), dict(record.refused)) == ({"unavailable": 1}, {"forbidden": 1})
    member.say(again)
    member.feed(text({"ref": 4, "ok": {"message": {"id": "m1"}, "duplicate": True}}))
    assert again.is_over
    assert record.summarise()["unanswered"] == 0


def test_a_draining_node_is_answered_and_says_when_to_come_back():
    member = Member("token", Record())
    come(member, 0)
    member.feed(text({"ev": "draining", "d": {"retry_after_ms": 5000}}))
    assert member.feed(frame((1012).to_bytes(2) + b"this node stops", opcode=8)) == CLOSED
    assert (member.close_code, member.return_s) == (1012, 5.0)


def test_a_refused_sync_is_asked_for_again():
    record = Record()
    member = Member("token", record)
    member.feed(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + text({"ev": "ready", "d": {}}))
    member.feed(refusal(1, "unavailable"))
    assert member.resync_s > 0
    assert not member.is_synced
    assert b'"op":"sync"' in member.sync()
    assert dict(record.repeated) == {"sync unavailable": 1}


def test_who_was_cut_is_whole_once_it_holds_all_that_was_acked():
    record = Record()
    speaker, listener = Member("a", record), Member("b", record)
    come(speaker, 0)
    come(listener, 0)
    record.on_cut(listener, 1006)
    listener.away_since_s = 1.0
    for number in (1, 2):
        record.on_acked(say(record, speaker, f"m{number}"), 1.5)
    come(listener, 1, "m1")
    assert record.summarise()["not_whole"] == 1, "m2 is not there yet"
    listener.feed(event(2, "m2"))
    found = record.summarise()
    assert (found["not_whole"], found["cut"], found["doubled"]) == (0, 1, 0)
    assert found["whole_at_s"] > 0
    listener.feed(event(2, "m2"))
    assert record.summarise()["doubled"] == 1
    assert record.list_missing([ROOM], speaker.held) == {"m1", "m2"}, "the speaker has heard neither"


def test_latencies_are_those_of_members_who_were_not_cut():
    record = Record()
    cut, other = Member("a", record), Member("b", record)
    come(cut, 0)
    come(other, 0)
    record.on_acked(say(record, cut, "m1"), 9.0)
    record.on_acked(say(record, other, "m2"), 0.25)
    record.on_heard(other, "m2", 0.5)
    record.on_heard(other, "m1", 9.0)
    record.on_heard(cut, "m2", 9.0)
    record.on_cut(cut, 1006)
    found = record.summarise()
    assert (found["ack"]["max_ms"], found["delivery"]["max_ms"]) == (250, 500)
    assert found["deliveries"] == 3
