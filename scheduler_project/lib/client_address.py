"""The address of whoever sent a request, through the proxies that are trusted to say it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence


def client_address(peer: str, forwarded_for: str, *, trusted: Sequence[str]) -> str | None:
    """The last address in `X-Forwarded-For` that no trusted proxy has; `peer` when it is no trusted proxy itself.

    What stands before that address is the client's own invention. None when the peer has no address.
    """
    networks = [ipaddress.ip_network(text, strict=False) for text in trusted]
    found = None
    for text in (peer, *reversed(forwarded_for.split(","))):
        address = _address(text)
        if address is None:
            break
        found = str(address)
        if not any(address in network for network in networks):
            break
    return found


def household(address: str | None) -> str:
    """The address; of IPv6 the network that one customer has whole."""
    found = _address(address or "")
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(found or address)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
