"""A Slack export as Slack makes it, with one of everything that a real one has."""

import json
import zipfile
from pathlib import Path
from typing import Any

TEAM = "T024BE7LD"
ADA, BEN, CLEO, DEE, GUS = "U0ADA", "U0BEN", "U0CLEO", "U0DEE", "U0GUS"
JENKINS, JENKINS_BOT, HOOK_BOT = "U0JENKINS", "B0JENKINS", "B0HOOK"
STRANGER = "U0STRANGER"
GENERAL, RANDOM, OLD, SECRET, DM, NOTES, GROUP = (
    "C0GEN",
    "C0RAND",
    "C0OLD",
    "G0SECRET",
    "D0AB",
    "D0AA",
    "G0ABC",
)
DAY_1, DAY_2 = "2024-03-01", "2024-03-02"
NOON_1, NOON_2 = 1_709_294_400, 1_709_380_800

Json = dict[str, Any]


def ts(number: int, noon: int = NOON_1) -> str:
    """Return the time stamp of the `number`th second after noon."""
    return f"{noon + number}.{number:06d}"


def user(user_id: str, name: str, real_name: str, **more: Any) -> Json:
    profile = {"real_name": real_name, "display_name": "", "email": f"{name}@example.com"}
    return {
        "id": user_id, "team_id": TEAM, "name": name, "deleted": False, "real_name": real_name,
        "tz": "Europe/Berlin", "is_bot": False, "updated": 1700000000,
    } | more | {"profile": profile | more.get("profile", {})}  # fmt: skip


def say(user_id: str, number: int, text: str, noon: int = NOON_1, **more: Any) -> Json:
    message = {"type": "message", "user": user_id, "text": text, "ts": ts(number, noon), "team": TEAM}
    return message | {"client_msg_id": f"{number}", "blocks": []} | more


USERS = [
    user(
        ADA,
        "ada",
        "Ada Lovelace",
        is_admin=True,
        is_owner=True,
        profile={"display_name": "Ada", "title": "Boss"},
    ),
    user(BEN, "ben.k", "Ben"),
    user(CLEO, "Cléo Ü", "Cléo", is_restricted=True),
    user(DEE, "dee", "Dee Parted", deleted=True),
    user(GUS, "al", "Al"),
    user(JENKINS, "jenkins", "Jenkins", is_bot=True, profile={"bot_id": JENKINS_BOT, "email": None}),
]
CHANNELS = [
    {
        "id": GENERAL, "name": "general", "created": 1_700_000_000, "creator": ADA, "is_archived": False,
        "is_general": True, "members": [ADA, BEN, CLEO, JENKINS],
        "pins": [{"id": ts(1), "type": "C", "created": NOON_1 + 60, "user": ADA, "owner": ADA}],
        "topic": {"value": "All &amp; everything", "creator": ADA, "last_set": 0},
        "purpose": {"value": "For everybody", "creator": ADA, "last_set": 0},
    },
    {
        "id": RANDOM, "name": "random", "created": 1_700_000_000, "creator": DEE, "is_archived": False,
        "members": [BEN], "topic": {"value": ""}, "purpose": {"value": "Not work"},
    },
    {"id": OLD, "name": "old", "created": 1_600_000_000, "creator": BEN, "is_archived": True, "members": []},
]  # fmt: skip
GROUPS = [{"id": SECRET, "name": "secret", "created": 1_700_000_000, "creator": BEN, "members": [ADA, BEN]}]
DMS = [
    {"id": DM, "created": 1_700_000_000, "members": [ADA, BEN]},
    {"id": NOTES, "created": 1_700_000_000, "members": [ADA, ADA]},
]
MPIMS = [
    {"id": GROUP, "name": "mpdm-ada--ben--cleo-1", "created": 1_700_000_000, "members": [ADA, BEN, CLEO]}
]

GENERAL_DAY_1 = [
    {"type": "message", "subtype": "channel_join", "user": BEN, "text": f"<@{BEN}> has joined", "ts": ts(0)},
    say(
        ADA, 1, f"Hello *all* <@{BEN}> <!channel> :tada: see <https://example.com/a|the *plan*>",
        thread_ts=ts(1), reply_count=2, reply_users=[BEN], latest_reply=ts(6),
        edited={"user": ADA, "ts": ts(9)},
        reactions=[
            {"name": "+1", "users": [BEN, CLEO], "count": 2},
            {"name": "thumbsup", "users": [CLEO, ADA], "count": 2},
            {"name": "wave::skin-tone-3", "users": [BEN], "count": 3},
            {"name": "party-parrot", "users": [ADA], "count": 1},
        ],
    ),
    say(BEN, 2, "first reply", thread_ts=ts(1), parent_user_id=ADA),
    say(BEN, 3, "in between"),
    say(CLEO, 4, "second, told to all", thread_ts=ts(1), subtype="thread_broadcast", root={"ts": ts(1)}),
    {
        "type": "message", "subtype": "bot_message", "bot_id": HOOK_BOT, "username": "Deploys", "text": "",
        "ts": ts(5), "attachments": [{"title": "Build 7", "title_link": "https://ci.example.com/7",
                                     "text": "passed", "fallback": "Build 7"}],
    },
    say(JENKINS, 6, "build me", bot_id=JENKINS_BOT),
    say(ADA, 7, "waves", subtype="me_message"),
    say(
        BEN, 8, "", files=[
            {"id": "F1", "name": "plan.pdf", "title": "The plan", "mimetype": "application/pdf",
             "size": 1_234_567, "mode": "hosted", "permalink": "https://x.slack.com/files/U/F1/plan.pdf",
             "url_private": "https://files.slack.com/F1/plan.pdf?t=xoxe-1234"},
            {"id": "F2", "mode": "tombstone"},
            {"id": "F3", "name": "log", "mode": "hosted", "url_private": "https://files.slack.com/F3?t=xoxe-9"},
        ],
    ),
]  # fmt: skip
GENERAL_DAY_2 = [
    say(STRANGER, 1, "I left", NOON_2, user_profile={"real_name": "Old Friend", "name": "old.friend"}),
    {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "text": "This message was deleted.",
     "ts": ts(2, NOON_2), "thread_ts": ts(2, NOON_2), "reply_count": 1, "hidden": True},
    say(BEN, 3, "reply to what is gone", NOON_2, thread_ts=ts(2, NOON_2)),
    say(ADA, 4, "reply to what never was", NOON_2, thread_ts="1600000000.000001"),
    say(ADA, 5, "long " * 8_000, NOON_2),
    say(DEE, 6, "I said <@U0NOBODY|nobody> `a &lt; b` ```code```", NOON_2),
    {"type": "message", "subtype": "message_changed", "hidden": True, "ts": ts(7, NOON_2)},
    say(BEN, 8, "half a \ud83d surrogate", NOON_2),
    say(BEN, 8, "half a \ud83d surrogate", NOON_2),
    {"type": "message", "text": "no time"},
]  # fmt: skip


def conversations() -> dict[str, list[Json]]:
    """Return the files with messages, by path."""
    return {
        f"general/{DAY_1}.json": GENERAL_DAY_1,
        f"general/{DAY_2}.json": GENERAL_DAY_2,
        f"random/{DAY_1}.json": [say(BEN, 1, "hm")],
        f"old/{DAY_1}.json": [say(DEE, 1, "once")],
        f"secret/{DAY_1}.json": [say(ADA, 1, "psst"), say(BEN, 2, f"<@{ADA}>?")],
        f"{DM}/{DAY_1}.json": [say(BEN, 1, "just us"), say(ADA, 2, "yes", thread_ts=ts(1))],
        f"{NOTES}/{DAY_1}.json": [say(ADA, 1, "note to self")],
        f"mpdm-ada--ben--cleo-1/{DAY_1}.json": [say(CLEO, 1, "three of us")],
    }


def write_export(path: Path, files: dict[str, Any] | None = None, prefix: str = "") -> Path:
    """Write an export; `files` replace those of the standard one, None leaves one out."""
    standard: dict[str, Any] = {
        "users.json": USERS, "channels.json": CHANNELS, "groups.json": GROUPS, "dms.json": DMS,
        "mpims.json": MPIMS, "integration_logs.json": [], "canvases.json": [],
    }  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in (standard | conversations() | (files or {})).items():
            if content is not None:
                data = content if isinstance(content, bytes) else json.dumps(content, indent=4).encode()
                packed.writestr(prefix + name, data)
    return path
