"""Which proxies a gateway can be told to trust."""

import pytest
from pydantic import ValidationError

from services.gateway.settings import GatewaySettings


def make(proxies: str) -> GatewaySettings:
    return GatewaySettings(nats_url="nats://x", health_port=1, gateway_trusted_proxies=proxies)


@pytest.mark.parametrize("proxies", ["", "10.1.2.3", "10.0.0.0/8, 192.168.0.0/16", "fd00::/8,::1"])
def test_addresses_and_networks_can_be_trusted(proxies: str):
    assert make(proxies).gateway_trusted_proxies == proxies


@pytest.mark.parametrize("proxies", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8;10.1.1.1", " "])
def test_what_is_none_is_refused_instead_of_trusting_nobody_or_everybody(proxies: str):
    with pytest.raises(ValidationError, match="no address and no network"):
        make(proxies)
