"""Schemathesis reads the published document and sends what it allows and forbids: nothing is a 500.

A fixed seed and some examples of each operation: ten seconds on a machine that is free. By hand, the same
command takes more of them, another seed, and the phase `coverage`.
"""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from shared.documents.openapi import build_openapi
from tests.stack import Stack
from tests.wire import Person

SEED = 20_261_129
EXAMPLES_EACH = 3
RUN_S = 250
# They end the login that the others are sent with (ids of replies are used again), or never end themselves.
LEFT_OUT = ("auth.logout", "auth.revoke_login", "privacy.erase_me", "stream.open", "stream.resume")


async def run_schemathesis(folder: Path, url: str, *options: str) -> tuple[int, str]:
    """Return its exit code and what it has found."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        "run",
        f"{url}/api/v1/openapi.json",
        f"--seed={SEED}",
        f"--max-examples={EXAMPLES_EACH}",
        "--checks=not_a_server_error",
        "--phases=fuzzing",
        "--workers=2",
        "--request-timeout=60",  # a busy machine's
        "--generation-database=none",
        "--no-color",
        *(f"--exclude-operation-id={each}" for each in LEFT_OUT),
        *options,
        cwd=folder,  # it keeps notes where it is
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode()


def count_operations() -> int:
    return sum(len(operations) for operations in build_openapi()["paths"].values())


@pytest.mark.timeout(RUN_S + 60)
@pytest.mark.parametrize("who", ["nobody", "a user"])
async def test_nothing_that_the_document_leads_to_is_answered_500(
    stack: Stack, anna: Person, tmp_path: Path, who: str
):
    stack.mark_logs()
    signed_in = () if who == "nobody" else (f"--header=Authorization: Bearer {anna.token}",)
    code, output = await run_schemathesis(tmp_path, anna.url, *signed_in)
    assert code == 0, output[-6_000:]
    tested = re.search(r"Tested: (\d+)", output)
    assert tested is not None
    assert int(tested[1]) == count_operations() - len(LEFT_OUT)
    assert "command_crashed" not in stack.read_logs()
    if signed_in:  # the token was good to the end
        assert await anna.rest("GET", "/users/me")
