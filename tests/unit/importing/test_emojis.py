"""Slack's short names: standard ones as Unicode, custom ones as names."""

import emoji
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.importing.slack.emojis import find_emoji, replace_short_names, to_reaction

STANDARD = {
    "+1": "👍",
    "thumbsup": "👍",
    "tada": "🎉",
    "heart": "❤️",
    "simple_smile": "🙂",
    "slightly_smiling_face": "🙂",
    "white_check_mark": "✅",
    "face_palm": "🤦",
    "man-shrugging": "🤷‍♂️",
    "male-technologist": "👨‍💻",
    "female-office-worker": "👩‍💼",
    "man-woman-boy": "👨‍👩‍👦",
    "woman-heart-man": "👩‍❤️‍👨",
    "flag-de": "🇩🇪",
    "flag-england": "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "large_green_circle": "🟢",
    "octagonal_sign": "🛑",
    "rainbow-flag": "🏳️‍🌈",
    "the_horns": "🤘",
}


@pytest.mark.parametrize("name", STANDARD)
def test_a_standard_name_is_its_emoji(name: str):
    assert find_emoji(name) == STANDARD[name]
    assert emoji.is_emoji(STANDARD[name])


@pytest.mark.parametrize(
    ("name", "reaction"),
    [
        ("wave::skin-tone-4", "👋🏽"),
        ("+1::skin-tone-6", "👍🏿"),
        ("point_up::skin-tone-2", "☝🏻"),
        ("tada::skin-tone-2", "🎉"),  # has no skin
        ("handshake::skin-tone-2-3", "🤝🏻"),
        ("party_parrot", ":party_parrot:"),
        ("it's", ":it_s:"),
        ("x" * 49, None),
        ("two words", None),
        ("", None),
    ],
)
def test_a_reaction_is_an_emoji_or_the_name_of_one(name: str, reaction: str | None):
    assert to_reaction(name) == reaction


@given(st.text(max_size=60))
def test_a_reaction_is_one_that_our_contract_knows(name: str):
    reaction = to_reaction(name)
    assert reaction is None or emoji.is_emoji(reaction) or (reaction[0] == reaction[-1] == ":")
    assert reaction is None or len(reaction) <= 50


def test_a_flag_of_no_country_stays_a_name():
    assert replace_short_names(":flag-xq: :flag-fr:") == ":flag-xq: 🇫🇷"
