"""What counts as one device: an address and the family of a program. Pure."""

import re

from shared.addresses import group_address

# The first that is found counts: Edge and Opera say that they are Chrome, and Chrome that it is Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"[A-Za-z0-9._-]{1,40}")
UNKNOWN_AGENT = "an unknown program"


def name_family(user_agent: str | None) -> str:
    """Return `Firefox on Linux`, the name of a program that is no browser, or that it is unknown.

    Without versions: an update makes no new device. Nothing else of what a client says of itself is kept.
    """
    said = user_agent or ""
    browser = _find(said, _BROWSERS)
    if browser is None:
        product = _PRODUCT.match(said)
        return product[0] if product else UNKNOWN_AGENT
    system = _find(said, _SYSTEMS)
    return f"{browser} on {system}" if system else browser


def is_known(devices: list[tuple[str | None, str | None]], address: str, user_agent: str) -> bool:
    """Whether one of the addresses and user agents is of the same device."""
    place, family = group_address(address), name_family(user_agent)
    return any(group_address(each or "") == place and name_family(agent) == family for each, agent in devices)


def _find(said: str, names: tuple[tuple[str, str], ...]) -> str | None:
    return next((name for mark, name in names if mark in said), None)
