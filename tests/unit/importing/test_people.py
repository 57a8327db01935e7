"""Names and profiles that our accounts may have, whatever the export holds."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.importing.slack.ids import Ids
from deploy.importing.slack.people import SLACKBOT, People, fold_username
from deploy.importing.slack.records import Message, User, UserProfile
from shared.contracts.fields import Username
from shared.contracts.importing import Person

IDS = Ids("T1")


@pytest.mark.parametrize(
    ("name", "folded"),
    [("Ada.Lovelace", "ada.lovelace"), ("Cléo Ü", "cleo-u"), ("al", "al-user"), ("日本", "u01"),
     ("--x--", "x-user"), ("a" * 50, "a" * 32), ("", "u01"), ("ﬁnn", "finn")],
)  # fmt: skip
def test_a_user_name_is_folded_to_our_alphabet(name: str, folded: str):
    assert fold_username(name, "U01") == folded


@given(st.text(max_size=60), st.text(max_size=20))
def test_every_user_name_is_one_that_we_allow(name: str, fallback: str):
    folded = fold_username(name, fallback)
    assert msgspec.convert(folded, Username) == folded == folded.lower()


@given(
    st.builds(
        User, id=st.text(min_size=1, max_size=12), name=st.none() | st.text(), tz=st.none() | st.text(),
        profile=st.builds(UserProfile, real_name=st.none() | st.text(), display_name=st.none() | st.text(),
                          email=st.none() | st.text(), title=st.none() | st.text(max_size=900)),
    )
)  # fmt: skip
def test_every_profile_is_one_that_the_service_takes(user: User):
    person = People([user]).list_people(IDS)[user.id]
    encoded = msgspec.json.encode(msgspec.structs.replace(person))
    assert msgspec.json.decode(encoded, type=Person) == person


def test_who_is_listed_nowhere_is_still_somebody():
    people = People([User("U1", bot := "ci", profile=UserProfile(bot_id="B1"), is_bot=True)])
    people.add_sender(Message(user="U9", user_profile=UserProfile(real_name="Old Friend")))
    people.add_sender(Message(bot_id="B2", username="Deploys"))
    people.add_sender(Message(username="hook"))
    people.add_ids(["U1", "U8", SLACKBOT])
    found = people.list_people(IDS)
    assert people.name_sender(Message(bot_id="B1")) == "U1"
    assert {key: (each.display_name, each.is_bot, each.is_active) for key, each in found.items()} == {
        "U1": (bot, True, True),
        "U9": ("Old Friend", False, False),
        "B2": ("Deploys", True, True),
        "name:hook": ("hook", True, True),
        "U8": ("U8", False, False),
        SLACKBOT: ("Slackbot", True, True),
    }


def test_ids_are_made_of_the_workspace_and_what_slack_calls_it():
    assert IDS.person("U1") == Ids("T1").person("U1") != Ids("T2").person("U1")
    assert (
        len({IDS.message("C1", 1), IDS.message("C1", 2), IDS.message("C2", 1), IDS.message("C1", 1, 1)}) == 4
    )
