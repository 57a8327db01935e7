"""The tokens of one login: fresh when asked, refreshed once for all who wait, kept in a file if wanted.

Or an API token, which stands for itself until somebody ends it.
"""

import asyncio
import os
import time
from pathlib import Path

import msgspec

from chatcraft_client.errors import ChatCraftError
from chatcraft_client.rest import Rest
from shared.contracts import auth, users
from shared.contracts.entities import Empty, Tokens

# Refreshed this long before the end, or at half time if the token is short-lived.
_EARLY_S = 60.0


class Credentials:
    """Holds the tokens. A refresh token is single use: after each refresh the new one is to be kept."""

    def __init__(self, rest: Rest, token_file: Path | None) -> None:
        self._rest = rest
        self._file = token_file
        self._lock = asyncio.Lock()
        self._due_at_s = 0.0
        self.tokens: Tokens | None = None
        self.api_token: str | None = None
        """If set, this is presented, and `tokens` are not."""

    def take(self, tokens: Tokens) -> None:
        """Use these from now on, and write them to the file (mode 0600)."""
        self.tokens = tokens
        early_s = min(_EARLY_S, tokens.expires_in_s / 2)
        self._due_at_s = time.monotonic() + tokens.expires_in_s - early_s
        if self._file is not None:
            _write_private(self._file, msgspec.json.encode(tokens))

    def load(self) -> bool:
        """Take the tokens of the file, which count as due; False if there are none."""
        if self._file is None or not self._file.exists():
            return False
        self.tokens = msgspec.json.decode(self._file.read_bytes(), type=Tokens)
        self._due_at_s = 0.0
        return True

    @property
    def due_in_s(self) -> float:
        """Seconds until a refresh is due; not above zero: now."""
        return self._due_at_s - time.monotonic()

    async def access_token(self) -> str:
        """Return a token that is good for a while. Raises ChatCraftError if there is no login."""
        if self.api_token is not None:
            return self.api_token
        if self.tokens is None:
            raise ChatCraftError("unauthenticated", "sign in first")
        if self.due_in_s <= 0:
            return await self.refresh(self.tokens.access_token)
        return self.tokens.access_token

    async def refresh(self, stale: str) -> str:
        """Replace the token `stale`; several callers at once make one request.

        An API token has no successor: it is only asked whether it still counts.
        """
        async with self._lock:
            if self.api_token is not None:
                await self._rest.call(users.me, Empty(), self.api_token)
                return self.api_token
            if self.tokens is None:
                raise ChatCraftError("unauthenticated", "sign in first")
            if self.tokens.access_token == stale:
                request = auth.Refresh(self.tokens.refresh_token)
                self.take((await self._rest.call(auth.refresh, request, None)).tokens)
            return self.tokens.access_token

    def forget(self) -> None:
        """Drop the tokens, in the file too."""
        self.tokens = self.api_token = None
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    fresh.replace(path)
