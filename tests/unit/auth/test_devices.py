"""What counts as one device."""

import pytest

from services.auth.devices import UNKNOWN_AGENT, is_known, name_family

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
    " Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.0 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/142.0", "Edge on Windows"),
        (f"{CHROME} OPR/120.0", "Opera on Windows"),
        (SAFARI, "Safari on iOS"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15) Gecko/20100101 Firefox/145.0", "Firefox on macOS"),
        ("Mozilla/5.0 (Android 15; Mobile) Gecko/145.0 Firefox/145.0", "Firefox on Android"),
        ("python-httpx2/2.16", "python-httpx2"),
        ("", UNKNOWN_AGENT),
        (None, UNKNOWN_AGENT),
        ("<script>alert(1)</script>", UNKNOWN_AGENT),
        ("x" * 300, "x" * 40),
    ],
)
def test_a_family_is_a_browser_and_a_system_or_the_first_word(user_agent, family):
    assert name_family(user_agent) == family


def test_a_device_is_an_address_and_a_family_together():
    devices = [("192.0.2.1", CHROME), ("2001:db8::1", None), (None, SAFARI)]
    assert is_known(devices, "192.0.2.1", CHROME.replace("142", "143"))
    assert is_known(devices, "2001:db8::2", "")
    assert not is_known(devices, "192.0.2.1", SAFARI)
    assert not is_known(devices, "192.0.2.2", CHROME)
    assert not is_known([], "192.0.2.1", CHROME)
