"""Runs `chatcraft doctor` as an operator does, and reads what it found."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.up_process import COMMAND, run_program


class Report:
    """One run."""

    def __init__(self, code: int, findings: list[dict[str, str]]) -> None:
        self.code = code
        self.by_name = {each["name"]: each for each in findings}
        self.failed = {name for name, each in self.by_name.items() if each["level"] == "FAIL"}
        for each in findings:
            assert bool(each["advice"]) == (each["level"] != "ok"), each

    def level(self, name: str) -> str:
        return self.by_name[name]["level"]

    def text(self, name: str) -> str:
        return self.by_name[name]["text"]


async def run_doctor(
    *arguments: str, data_dir: Path | None = None, env: dict[str, str] | None = None
) -> Report:
    """Run it with `--json`; whatever it prints besides would be no JSON."""
    place = ("--data-dir", str(data_dir or Path("/nowhere")))
    code, lines = await run_program(COMMAND, "doctor", "--json", *place, *arguments, env=env)
    try:
        return Report(code, json.loads("\n".join(lines)))
    except ValueError:
        sys.stderr.write("\n".join(lines))
        raise


def to_environment(endpoints: Any, database_url: str | None = None) -> dict[str, str]:
    """Return what points the doctor at servers."""
    return {
        "CHATCRAFT_DATABASE_URL": database_url or endpoints.database_url,
        "CHATCRAFT_NATS_URL": endpoints.nats_url_by_user["messages"],
        "CHATCRAFT_REDIS_URL": endpoints.redis_url,
    }
