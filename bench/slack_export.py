"""Writes a Slack export to time an import of: `python -m bench.slack_export big.zip --messages 200000`.

A fifth of the messages are replies, a seventh has reactions, a tenth mentions somebody, a few have files.
"""

import argparse
import json
import random
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

START = 1_600_000_000
DAY_S = 86_400
WORDS = [
    "deploy",
    "staging",
    "review",
    "lunch",
    "the",
    "a",
    "of",
    "to",
    "is",
    "ship",
    "merge",
    "`main`",
    "*now*",
    "please",
    ":tada:",
    "done",
    "&amp;",
    "why",
]
EMOJI = ("+1", "tada", "heart", "eyes", "white_check_mark", "party_parrot")


def write(path: Path, messages: int, channels: int, users: int, seed: int) -> None:
    """Write an export of about so many messages, spread over channels of very different size."""
    chance = random.Random(seed)
    people = [f"U{number:08d}" for number in range(users)]
    weights = [1 / (1 + number) ** 0.7 for number in range(channels)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("users.json", json.dumps([_user(each) for each in people]))
        listed = []
        for number, weight in enumerate(weights):
            members = sorted(chance.sample(people, min(users, 5 + users // (1 + number // 4))))
            listed.append(_channel(number, members))
            count = max(1, round(messages * weight / sum(weights)))
            _write_days(packed, f"channel-{number}", count, members, chance)
        packed.writestr("channels.json", json.dumps(listed))


def _user(user_id: str) -> dict[str, Any]:
    name = f"user{int(user_id[1:])}"
    profile = {"real_name": name.title(), "display_name": name, "email": f"{name}@example.com"}
    return {"id": user_id, "team_id": "T0BENCH", "name": name, "deleted": False, "profile": profile}


def _channel(number: int, members: list[str]) -> dict[str, Any]:
    channel = {"id": f"C{number:08d}", "name": f"channel-{number}", "created": START, "creator": members[0]}
    return channel | {"is_archived": False, "members": members, "topic": {"value": f"About {number}"}}


def _write_days(
    packed: zipfile.ZipFile, folder: str, count: int, members: list[str], chance: random.Random
) -> None:
    per_day = max(20, count // 700)
    roots: list[str] = []
    for day in range(0, count, per_day):
        start = START + day // per_day * DAY_S
        found = [
            _message(start, number, members, roots, chance) for number in range(min(per_day, count - day))
        ]
        name = datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d")
        packed.writestr(f"{folder}/{name}.json", json.dumps(found, indent=4))
        del roots[:-50]


def _message(
    start: int, number: int, members: list[str], roots: list[str], chance: random.Random
) -> dict[str, Any]:
    stamp = f"{start + number * 7}.{number % 1_000_000:06d}"
    text = " ".join(chance.choices(WORDS, k=chance.randint(2, 30)))
    if chance.random() < 0.1:
        text = f"<@{chance.choice(members)}> {text}"
    message: dict[str, Any] = {"type": "message", "user": chance.choice(members), "text": text, "ts": stamp}
    block = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    message |= {"team": "T0BENCH", "blocks": [{"type": "rich_text", "elements": [block]}]}
    if roots and chance.random() < 0.2:
        message["thread_ts"] = chance.choice(roots)
    else:
        roots.append(stamp)
    if chance.random() < 1 / 7:
        fans = chance.sample(members, min(len(members), chance.randint(1, 6)))
        message["reactions"] = [{"name": chance.choice(EMOJI), "users": fans, "count": len(fans)}]
    if chance.random() < 0.02:
        file = {
            "name": "a.png",
            "size": 12_345,
            "permalink": "https://x.slack.com/files/a.png",
            "mode": "hosted",
        }
        message["files"] = [file]
    return message


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--users", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    write(asked.path, asked.messages, asked.channels, asked.users, asked.seed)


if __name__ == "__main__":
    main()
