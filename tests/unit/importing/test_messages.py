"""What becomes of each kind of message, and what the summary says of it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from deploy.importing.slack.ids import Ids
from deploy.importing.slack.markdown import Names
from deploy.importing.slack.messages import Channel, Translator
from deploy.importing.slack.people import People
from deploy.importing.slack.records import Message
from deploy.importing.slack.times import find_moment
from deploy.importing.summary import Summary
from shared.contracts.importing import HistoryMessage

IDS = Ids("T1")
STAMP, ROOT = "1709294400.000100", "1709294300.000000"
MICROS, ROOT_MICROS = 1_709_294_400_000_100, 1_709_294_300_000_000
USER_IDS = {key: IDS.person(key) for key in ("U1", "U2", "U3", "B1", "USLACKBOT", "name:hook")}


def translate(
    raw: dict[str, Any], *, roots: set[int] | None = None, pins: dict[int, Any] | None = None
) -> tuple[list[HistoryMessage], Summary]:
    summary = Summary()
    translator = Translator(IDS, Names(USER_IDS), People([]), USER_IDS, summary)
    whole = {"ts": STAMP, "user": "U1", "text": "hello", "blocks": []} | raw
    message = msgspec.json.decode(msgspec.json.encode(whole), type=Message)
    return translator.translate(Channel("C1", "general", roots or set(), pins or {}), message), summary


def test_a_message_keeps_its_time_its_sender_and_its_name():
    [message], summary = translate({"edited": {"user": "U1", "ts": "1709294500.000000"}})
    assert message == HistoryMessage(
        IDS.message("C1", MICROS), USER_IDS["U1"], "hello", datetime(2024, 3, 1, 12, 0, 0, 100, UTC),
        edited_at=datetime(2024, 3, 1, 12, 1, 40, tzinfo=UTC),
    )  # fmt: skip
    assert not summary.left_behind


def test_a_reply_names_its_root_and_a_root_nobody():
    assert translate({"thread_ts": ROOT})[0][0].thread_id == IDS.message("C1", ROOT_MICROS)
    assert translate({"thread_ts": STAMP})[0][0].thread_id is None


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"subtype": "me_message", "text": "waves"}, "_waves_"),
        ({"subtype": "bot_message", "user": None, "bot_id": "B1", "text": "built"}, "built"),
        ({"subtype": "thread_broadcast", "thread_ts": ROOT, "text": "to all"}, "to all"),
        ({"subtype": "slackbot_response", "user": "USLACKBOT", "text": "beep"}, "beep"),
        ({"subtype": "file_comment", "user": None, "comment": {"user": "U2"}, "text": "nice"}, "nice"),
        ({"text": "", "user": None, "username": "hook", "attachments": [{"fallback": "a"}]}, "> a"),
        (
            {"text": "see", "attachments": [{"pretext": "pre", "title": "T", "title_link": "https://a.example",
                                             "text": "one\ntwo", "fields": [{"title": "F", "value": 7}]}]},
            "see\npre\n> **[T](https://a.example)**\n> one\n> two\n> **F**: 7",
        ),
        ({"text": "https", "attachments": [{"from_url": "https://a.example", "title": "unfolded"}]}, "https"),
        ({"text": "", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*from* <@U2>"}}]},
         f"**from** <@{USER_IDS['U2']}>"),
        (
            {"text": "", "blocks": [{"type": "rich_text", "elements": [
              {"type": "rich_text_section", "elements": [
                {"type": "text", "text": "hi "}, {"type": "user", "user_id": "U2"},
                {"type": "emoji", "name": "tada"}, {"type": "broadcast", "range": "here"},
                {"type": "link", "url": "https://a.example", "text": "a"},
                {"type": "channel", "channel_id": "C9"}]}]}]},
            f"hi <@{USER_IDS['U2']}>🎉<!here>[a](https://a.example)#private-channel",
        ),
        ({"text": "", "blocks": "x", "files": [{"title": "a [b]", "size": 9, "permalink": "https://a.example/f"}]},
         r"[a \[b\]](https://a.example/f) (9 B)"),
        ({"file": {"name": "x", "size": 1_234_567, "url_private": "https://a.example/f?t=xoxe-1"}},
         "hello\n[x](https://a.example/f) (1.2 MB)"),
    ],
)  # fmt: skip
def test_what_people_and_bots_said_is_carried_over(raw: dict[str, Any], text: str):
    [message], _ = translate(raw)
    assert message.text == text


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"subtype": "channel_join"}, "notice"),
        ({"subtype": "pinned_item"}, "notice"),
        ({"subtype": "message_changed"}, "edit log"),
        ({"hidden": True}, "edit log"),
        ({"subtype": "tombstone"}, "deleted"),
        ({"text": " \u200b"}, "nothing to show"),
        ({"text": "", "files": [{"mode": "tombstone"}, None]}, "nothing to show"),
        ({"ts": None}, "without a time"),
        ({"ts": "yesterday"}, "without a time"),
    ],
)
def test_what_is_not_carried_over_is_said(raw: dict[str, Any], reason: str):
    messages, summary = translate(raw)
    assert not messages
    assert any(reason in each for each in summary.left_behind)


def test_what_replies_hang_from_is_kept_whatever_it_is():
    [join], _ = translate({"subtype": "channel_join", "text": "<@U2> has joined"}, roots={MICROS})
    assert join.text.endswith("has joined")
    [gone], _ = translate({"subtype": "tombstone", "text": "This message was deleted."}, roots={MICROS})
    assert (gone.text, gone.deleted_at) == ("", gone.created_at)


def test_reactions_are_added_up_by_emoji():
    reactions = [
        {"name": "+1", "users": ["U1", "U2"], "count": 2},
        {"name": "thumbsup", "users": ["U2", "U3"], "count": 5},
        {"name": "our_logo", "users": ["U1"], "count": 1},
        {"name": "eyes", "users": [], "count": 0},
        {"name": "not a name", "users": ["U1"], "count": 1},
    ]
    [message], summary = translate({"reactions": reactions})
    one, two, three = (USER_IDS[each] for each in ("U1", "U2", "U3"))
    assert [(each.emoji, each.user_ids) for each in message.reactions] == [
        ("👍", [one, two, three]),
        (":our_logo:", [one]),
    ]
    assert summary.left_behind["reaction of somebody whom the export does not name"].count == 3


def test_more_kinds_of_reactions_than_a_message_may_have_are_cut():
    reactions = [{"name": f"custom{number}", "users": ["U1"], "count": 1} for number in range(60)]
    [message], summary = translate({"reactions": reactions})
    assert len(message.reactions) == 50
    assert summary.left_behind["reaction that cannot be one here"].count == 10


def test_pins_come_from_the_channel_or_the_message():
    [listed], _ = translate({}, pins={MICROS: 1_709_294_460})
    assert listed.pinned_at == datetime(2024, 3, 1, 12, 1, tzinfo=UTC)
    [marked], _ = translate({"pinned_to": ["C1"]})
    assert marked.pinned_at == marked.created_at
    assert translate({"pinned_to": ["C2"]})[0][0].pinned_at is None


def test_a_message_too_long_for_one_is_several_in_the_same_place():
    parts, summary = translate({"text": "word " * 8_000, "thread_ts": ROOT, "pinned_to": ["C1"]})
    assert len(parts) == 3
    assert len({part.id for part in parts}) == 3
    assert len({(part.thread_id, part.created_at, part.sender_id) for part in parts}) == 1
    assert [part.pinned_at is not None for part in parts] == [True, False, False]
    assert any("several" in reason for reason in summary.left_behind)


@pytest.mark.parametrize("created", [None, -5, 1e300, float("inf"), "soon"])
def test_a_time_that_is_none_is_no_time(created: Any):
    assert find_moment(created) is None
