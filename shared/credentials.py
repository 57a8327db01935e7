"""The user and password that the URLs of a cluster agree on. The bus and the feed's consumers use it."""

from collections.abc import Iterable
from urllib.parse import urlsplit


def find_credentials(urls: Iterable[str]) -> tuple[str, str] | tuple[None, None]:
    """Return user and password for `nats.connect`; nothing where the URLs differ, or have none.

    nats-py also goes to servers that a cluster tells it of, and those come without: it would be refused.
    """
    found = {(url.username, url.password) for url in map(urlsplit, urls)}
    if len(found) != 1:
        return None, None
    [(user, password)] = found
    return (user, password) if user and password else (None, None)
