"""What counts as one address for limits. Pure."""

import ipaddress

# A household or a server has a whole /64 of addresses to come from (RFC 6177).
_IPV6_PREFIX_BITS = 64


def is_of_this_machine(address: str) -> bool:
    """Whether it is a loopback address, which nobody else can come from."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback


def group_address(address: str) -> str:
    """Return what counts as one address for limits: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX_BITS), strict=False))
    return str(parsed)
