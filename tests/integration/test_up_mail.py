"""`chatcraft up` and e-mail: a folder in the data directory, which it tells of, or a server that is named."""

import email
import email.policy
import re
from email.message import EmailMessage
from pathlib import Path

import httpx2

from tests.integration.auth.mailbox import run_mailbox
from tests.up_process import DEADLINE_S, UpProcess
from tests.wire import eventually

ACCOUNT = {"username": "ada.l", "password": "correct horse battery", "email": "ada@mail.example"}
NEW_PASSWORD = "battery horse correct"


async def post(url: str, path: str, body: dict[str, str]) -> int:
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:
        return (await client.post(f"{url}/api/v1/auth/{path}", json=body)).status_code


async def wait_link(folder: Path, page: str) -> tuple[str, str]:
    """Return address and token of the link to a page, from the mail that has it."""

    def find() -> re.Match[str] | None:
        texts = [read_text(file) for file in folder.glob("*.eml")]
        return next((found for text in texts if (found := re.search(rf"(\S+)/{page}#(\S+)", text))), None)

    found = await eventually(find, DEADLINE_S)
    return found[1], found[2]


def read_text(file: Path) -> str:
    mail: EmailMessage = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_mails_are_written_to_a_folder_and_their_links_work(tmp_path: Path):
    folder = tmp_path / "data" / "mails"
    async with UpProcess(tmp_path / "data", "--auth", "2") as up:
        url = await up.wait_ready()
        assert sum(str(folder) in line and "CHATCRAFT_AUTH_SMTP_URL" in line for line in up.lines) == 1
        assert folder.stat().st_mode & 0o777 == 0o700

        assert await post(url, "register", ACCOUNT) == 201
        base, token = await wait_link(folder, "verify-email")
        assert base == url
        assert await post(url, "verify-email", {"token": token}) == 200
        assert await post(url, "request-reset", {"email": ACCOUNT["email"]}) == 200
        _, token = await wait_link(folder, "reset-password")
        assert await post(url, "reset-password", {"token": token, "password": NEW_PASSWORD}) == 200
        assert await post(url, "login", {"login": ACCOUNT["email"], "password": NEW_PASSWORD}) == 200
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in folder.iterdir())
    assert token not in up.output


async def test_with_a_server_named_mails_go_there_and_links_to_the_named_address(tmp_path: Path):
    async with run_mailbox() as mailbox:
        env = {
            "CHATCRAFT_AUTH_SMTP_URL": mailbox.url,
            "CHATCRAFT_AUTH_MAIL_FROM": "Chat <chat@corp.example>",
            "CHATCRAFT_AUTH_PUBLIC_URL": "https://chat.example.org",
        }
        async with UpProcess(tmp_path / "data", env=env) as up:
            assert await post(await up.wait_ready(), "register", ACCOUNT) == 201
            mail = await mailbox.wait("ada@mail.example")
    assert mail["From"] == "Chat <chat@corp.example>"
    assert await mailbox.wait_token("ada@mail.example")
    assert not (tmp_path / "data" / "mails").exists()
    assert "E-mails are written" not in up.output
