"""Which network addresses outbound calls may reach: public ones, and those that the operator has allowed."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# All that is routed publicly. It leaves out ::/96, ::ffff:0:0/96 and 64:ff9b::/96, which lead to IPv4 addresses.
PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")

# What Python calls global, or may call so in some version, and leads elsewhere than to a public host.
NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "100.64.0.0/10",  # shared between a provider and its customers; clusters use it too
        "192.0.0.0/24",
        "192.88.99.0/24",  # relays to 6to4
        "2001::/23",  # Teredo (2001::/32) holds an IPv4 address; the rest is for protocols
        "2002::/16",  # 6to4 holds an IPv4 address
        "3fff::/20",
    )
)

HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63})*\.?")


class Allowed:
    """Hosts and networks that may be called although they are not public."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """Raises `ValueError` for an entry that is neither a host name nor an address nor a network."""
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in entries:
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if not HOST_NAME.fullmatch(entry):
                    raise ValueError(f"{entry} is neither a host name nor a network like 10.0.0.0/8") from None
                self._hosts.add(_normal(entry))

    @property
    def has_networks(self) -> bool:
        return bool(self._networks)

    def has_host(self, host: str) -> bool:
        return _normal(host) in self._hosts

    def has_address(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether it belongs to a host of the public internet, and does not only lead to another address."""
    if isinstance(address, ipaddress.IPv6Address) and address not in PUBLIC_IPV6:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in NOT_PUBLIC)
    )


def _normal(host: str) -> str:
    return host.rstrip(".").lower()
