"""Whose `traceparent` a node believes."""

from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from services.gateway.settings import GatewaySettings
from services.gateway.tracing import TracedRestDoor

GIVEN = f"00-{'a' * 32}-{'b' * 16}-01"


class Never:
    """A tracer that samples nothing by itself."""

    def is_due(self, ratio: float) -> bool:
        return ratio >= 1


def decide(address: str | None, header: str | None, ratio: float = 0.0) -> tuple[str | None, bool]:
    tracer: Any = Never()
    parts: Any = (None, None, None, None, None)
    door = TracedRestDoor(tracer, ratio, [ip_network("10.0.0.0/8"), ip_network("::1")], *parts)
    headers = [(b"traceparent", header.encode())] if header is not None else []
    client = type("Address", (), {"host": address}) if address else None
    request: Any = type("Request", (), {"scope": {"headers": headers}, "client": client})
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
