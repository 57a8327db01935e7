"""The folder into which a stack's mails are written, and the links in them."""

import email
import email.policy
import re
from pathlib import Path

from tests.wire import eventually

# Mails are sent in the background, on a machine that may be busy.
DEADLINE_S = 30.0


class MailFolder:
    """What the auth service has sent so far."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def list_links(self, to: str, page: str) -> list[str]:
        """Return the links to a page of the client in mails to an address, without their origin."""
        links: list[str] = []
        for file in sorted(self.path.glob("*.eml")):
            mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            part = mail.get_body(("plain",))
            assert part is not None
            if mail["To"] == to:
                links += re.findall(rf"(/{page}#\S+)", part.get_content())
        return links

    async def wait_links(self, to: str, page: str, count: int = 1) -> list[str]:
        """Return the links to a page, once there are so many."""
        await eventually(lambda: len(self.list_links(to, page)) >= count, DEADLINE_S)
        return self.list_links(to, page)

    async def wait_link(self, to: str, page: str) -> str:
        """Return the one link to a page."""
        (link,) = await self.wait_links(to, page)
        return link
