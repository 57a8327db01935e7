"""What both doors ask of a request before anything else: the token, the origin, the address. Pure."""

from urllib.parse import urlsplit

SUBPROTOCOL = "chatcraft.v1"
_BEARER = "bearer."

Headers = list[tuple[bytes, bytes]]


def find_header(headers: Headers, name: bytes) -> str | None:
    """Return the one value of a header, or None if it is absent or given twice."""
    found = [value for key, value in headers if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None


def find_bearer(headers: Headers) -> str | None:
    """Return the token of `Authorization: Bearer …`."""
    scheme, _, token = (find_header(headers, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def find_subprotocol_token(subprotocols: list[str]) -> str | None:
    """Return the token that a browser, which cannot set headers, offers as `bearer.<token>`."""
    tokens = [each.removeprefix(_BEARER) for each in subprotocols if each.startswith(_BEARER)]
    return tokens[0] if len(tokens) == 1 else None


def is_origin_allowed(headers: Headers, allowed: frozenset[str]) -> bool:
    """Whether a socket may be opened from there: no origin (not a browser), our own, or a named one."""
    origins = [value.decode("latin-1") for key, value in headers if key == b"origin"]
    if not origins:
        return True
    host = find_header(headers, b"host")
    if len(origins) > 1 or host is None:
        return False
    if origins[0] in allowed:
        return True
    try:
        parts = urlsplit(origins[0])
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower() and not parts.path
