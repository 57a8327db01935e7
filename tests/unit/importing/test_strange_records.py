"""Whatever a record looks like, it becomes messages that may be stored, or is counted as lost."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from deploy.importing.slack.archive import _convert
from deploy.importing.slack.ids import Ids
from deploy.importing.slack.markdown import Names
from deploy.importing.slack.messages import Channel, Translator
from deploy.importing.slack.people import People
from deploy.importing.slack.records import Conversation, Message, User
from deploy.importing.slack.rooms import Source, build_end, build_head
from deploy.importing.slack.splitting import is_message_text
from deploy.importing.summary import Summary
from shared.ids import is_id

IDS = Ids("T1")
TEXTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["U1", "B1", "1709294400.000100", "tombstone", "<@U1>", ""])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def records(kind: type[Any], **likely: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return records with some of the fields, each of the likely kind or of any."""
    fields = {name: st.one_of(likely.get(name, TEXTS), VALUES) for name in kind.__struct_fields__}
    return st.fixed_dictionaries({}, optional=fields)


FILES = st.lists(
    st.fixed_dictionaries({}, optional={"name": TEXTS, "permalink": TEXTS, "size": st.floats()}), max_size=2
)
REACTIONS = st.lists(
    st.fixed_dictionaries(
        {"name": TEXTS}, optional={"users": st.lists(TEXTS, max_size=3), "count": st.integers()}
    ),
    max_size=3,
)
MESSAGES = records(Message, files=FILES, reactions=REACTIONS, hidden=st.booleans(), blocks=VALUES)


@given(st.lists(MESSAGES, max_size=5), st.booleans())
def test_a_strange_message_is_carried_over_or_counted(found: list[dict[str, Any]], have_replies: bool):
    people, summary = People([User("U1", "ada")]), Summary()
    messages = [_convert(record, Message) for record in found]
    for message in filter(None, messages):
        people.add_sender(message)
        for reaction in message.reactions or ():
            people.add_ids(reaction.users or ())
    user_ids = {key: person.id for key, person in people.list_people(IDS).items()}
    channel = Channel("C1", "general", {1_709_294_400_000_100} if have_replies else set(), {})
    translator = Translator(IDS, Names(user_ids), people, user_ids, summary)
    for message in filter(None, messages):
        lost = sum(left.count for left in summary.left_behind.values())
        translated = translator.translate(channel, message)
        assert translated or sum(left.count for left in summary.left_behind.values()) > lost
        assert all(each.deleted_at or is_message_text(each.text) for each in translated)
        assert all(is_id(each.id) and is_id(each.sender_id) for each in translated)


@given(records(User, profile=st.dictionaries(TEXTS, VALUES, max_size=3)), st.lists(records(
    Conversation, members=st.lists(TEXTS, max_size=4), created=st.floats(), pins=st.lists(VALUES, max_size=2),
    topic=st.fixed_dictionaries({"value": TEXTS}), is_archived=st.booleans()), max_size=3))  # fmt: skip
def test_a_strange_conversation_is_a_room_or_counted(user: dict[str, Any], found: list[dict[str, Any]]):
    people = People([each for each in [_convert(user, User)] if each])
    for conversation in filter(None, (_convert(record, Conversation) for record in found)):
        source = Source(conversation, "public", [])
        people.add_ids(conversation.members or ())
        user_ids = {key: person.id for key, person in people.list_people(IDS).items()}
        head = build_head(source, IDS, user_ids, IDS.person("anybody"))
        end = build_end(source, head, user_ids, people)
        assert is_id(head.id)
        assert head.name
        assert len(head.topic) <= 500
        assert sum(member.role == "owner" for member in end.members) == (1 if end.members else 0)
        assert source.pins is not None
        assert json.dumps(head.topic)
