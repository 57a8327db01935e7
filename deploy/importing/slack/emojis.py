"""Slack's short names of emoji as Unicode; names of custom emoji stay names. Pure."""

import re
from functools import cache

import emoji

SHORT_NAME = re.compile(r":([a-z0-9_+'-]{1,100})(?:::skin-tone-([2-6])(?:-[2-6])?)?:")
CUSTOM_NAME_MAX = 48
_SKIN_TONES = {tone: chr(0x1F3FB + tone - 2) for tone in range(2, 7)}
_VARIATION = "\ufe0f"
_JOINER = "\u200d"
_NOT_IN_NAME = re.compile(r"[^a-z0-9_+-]")
_FLAG = re.compile(r"flag-([a-z])([a-z])")
_NATIONS = {"england": "gbeng", "scotland": "gbsct", "wales": "gbwls"}
_PEOPLE = {"man": "👨", "woman": "👩", "boy": "👦", "girl": "👧", "heart": "❤️"}
_GENDERS = (("male_", "man_"), ("female_", "woman_"), ("large_", ""))
# What the library's table has under no name that Slack uses.
_OWN_NAMES = {
    "simple_smile": "🙂",
    "hand_with_index_and_middle_fingers_crossed": "🤞",
    "the_horns": "🤘",
    "i_love_you_hand_sign": "🤟",
    "face_palm": "🤦",
    "medal": "🎖️",
    "first_place_medal": "🥇",
    "second_place_medal": "🥈",
    "third_place_medal": "🥉",
    "smiling_face_with_3_hearts": "🥰",
    "cowboy_face": "🤠",
    "face_with_cowboy_hat": "🤠",
    "keycap_star": "*️⃣",
    "octagonal_sign": "🛑",
    "spock-hand": "🖖",
    "male-doctor": "👨‍⚕️",
    "female-doctor": "👩‍⚕️",
}


def find_emoji(name: str, skin_tone: int | None = None) -> str | None:
    """Return the emoji of a short name without its colons; None if the name is no standard one."""
    found = _find_plain(name)
    if found is None or skin_tone is None:
        return found
    base, rest = found[0], found[1:].removeprefix(_VARIATION)
    toned = base + _SKIN_TONES[skin_tone] + rest
    return toned if emoji.is_emoji(toned) else found


def to_reaction(name: str) -> str | None:
    """Return a reaction's emoji, or `:name:` of a custom one; None if the name cannot be one here."""
    short = SHORT_NAME.fullmatch(f":{name}:")
    if short is None:
        return None
    if (found := find_emoji(short[1], int(short[2]) if short[2] else None)) is not None:
        return found
    custom = _NOT_IN_NAME.sub("_", short[1])
    return f":{custom}:" if len(custom) <= CUSTOM_NAME_MAX else None


def replace_short_names(text: str) -> str:
    """Put emoji for the short names of standard ones."""
    return SHORT_NAME.sub(_replace, text) if ":" in text else text


def _replace(short: re.Match[str]) -> str:
    return find_emoji(short[1], int(short[2]) if short[2] else None) or short[0]


@cache
def _find_plain(name: str) -> str | None:
    table = _load_table()
    plain = name.replace("-", "_")
    candidates = [name, plain]
    candidates += [new + plain.removeprefix(old) for old, new in _GENDERS if plain.startswith(old)]
    found = (table.get(candidate) for candidate in candidates)
    return next((each for each in found if each), None) or _find_flag(name) or _find_family(name)


@cache
def _load_table() -> dict[str, str]:
    table = dict(_OWN_NAMES)
    for char, data in emoji.EMOJI_DATA.items():
        if data["status"] == emoji.STATUS["fully_qualified"]:
            for name in (data["en"], *data.get("alias", ())):
                table.setdefault(name.strip(":"), char)
    return table


def _find_flag(name: str) -> str | None:
    if (letters := _FLAG.fullmatch(name)) is not None:
        flag = "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in letters.groups())
        return flag if emoji.is_emoji(flag) else None
    if (tags := _NATIONS.get(name.removeprefix("flag-"))) is not None:
        return "🏴" + "".join(chr(0xE0000 + ord(tag)) for tag in tags) + "\U000e007f"
    return None


def _find_family(name: str) -> str | None:
    people = [_PEOPLE.get(part) for part in name.split("-")]
    family = _JOINER.join(person or "" for person in people)
    return family if len(people) > 1 and emoji.is_emoji(family) else None
