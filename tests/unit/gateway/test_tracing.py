"""Whose `traceparent` a node believes."""

from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from services.gateway.proxies import PEER
from services.gateway.settings import GatewaySettings
from services.gateway.tracing import TracedRestDoor

GIVEN = f"00-{'a' * 32}-{'b' * 16}-01"


class Never:
    """A tracer that samples nothing by itself."""

    def is_due(self, ratio: float) -> bool:
        return ratio >= 1


def decide(
    address: str | None, header: str | None, ratio: float = 0.0, *, client: str | None = None
) -> tuple[str | None, bool]:
    """Ask the door about a request from an address, which may speak for a client."""
    tracer: Any = Never()
    parts: Any = (None, None, None, None, None)
    door = TracedRestDoor(tracer, ratio, [ip_network("10.0.0.0/8"), ip_network("::1")], *parts)
    headers = [(b"traceparent", header.encode())] if header is not None else []
    peer = (address, 1) if address else None
    scope = {"headers": headers, "client": peer}
    if client is not None:
        scope |= {"client": (client, 0), PEER: peer}
    request: Any = type("Request", (), {"scope": scope})
    return door._decide(request)


@pytest.mark.parametrize("address", ["10.1.2.3", "::1"])
def test_a_named_proxy_is_believed_both_ways(address):
    assert decide(address, GIVEN) == (GIVEN, True)
    unsampled = GIVEN[:-2] + "00"
    assert decide(address, unsampled, ratio=1) == (unsampled, False)


@pytest.mark.parametrize("address", ["11.1.2.3", "127.0.0.1", "::2", None])
def test_a_stranger_decides_neither_that_a_request_is_traced_nor_that_it_is_not(address):
    assert decide(address, GIVEN) == (None, False)
    assert decide(address, GIVEN[:-2] + "00", ratio=1) == (None, True)


def test_a_proxy_is_known_by_its_own_address_and_not_by_whom_it_speaks_for():
    assert decide("10.1.2.3", GIVEN, client="203.0.113.7") == (GIVEN, True)
    assert decide("203.0.113.7", GIVEN, client="10.1.2.3") == (None, False)


@pytest.mark.parametrize("header", ["", "nonsense", GIVEN + "-more", None])
def test_what_says_nothing_is_left_to_the_draw(header):
    assert decide("10.1.2.3", header) == (None, False)
    assert decide("10.1.2.3", header, ratio=1) == (None, True)


def test_proxies_are_addresses_or_networks():
    settings = {"nats_url": "nats://a:b@c", "health_port": 1}
    given = GatewaySettings(**settings, gateway_trace_proxies="10.0.0.0/8, ::1,")
    assert given.trace_proxies == [ip_network("10.0.0.0/8"), ip_network("::1")]
    with pytest.raises(ValidationError):
        GatewaySettings(**settings, gateway_trace_proxies="proxy.example.org")
