"""What a limit is: so many requests a minute, by a bucket that refills steadily or by a window that slides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

WINDOW = 60  # seconds
MOST = 1_000_000  # a minute
MOST_IN_WINDOW = 10_000  # a window keeps an entry for each request


class Algorithm(StrEnum):
    BUCKET = "bucket"
    WINDOW = "window"


class Kind(StrEnum):
    """Classes of endpoints. Each has a bucket of its own."""

    READ = "read"
    WRITE = "write"
    SUBMIT = "submit"  # starts runs
    KEYS = "keys"  # makes and changes credentials
    HOOKS = "hooks"  # calls of event hooks, by address
    ANONYMOUS = "anonymous"  # without good credentials, by address


HOOKS_FACTOR = 10  # one address, such as that of a code host, calls the hooks of many


@dataclass(frozen=True)
class Rate:
    per_minute: int
    burst: int
    algorithm: Algorithm = Algorithm.BUCKET

    @property
    def policy(self) -> str:
        """As in the header `RateLimit-Policy`."""
        burst = f";burst={self.burst}" if self.algorithm == Algorithm.BUCKET else ""
        return f"{self.per_minute};w={WINDOW}{burst}"

    def lowered(self, by: Rate | None) -> Rate:
        if by is None:
            return self
        slides = Algorithm.WINDOW in (self.algorithm, by.algorithm)
        return Rate(
            min(self.per_minute, by.per_minute),
            min(self.burst, by.burst),
            Algorithm.WINDOW if slides else Algorithm.BUCKET,
        )

    def quarter(self) -> Rate:
        """For one process that counts alone."""
        return Rate(max(1, self.per_minute // 4), max(1, self.burst // 4))


Entry = tuple[int | None, str, str]  # tenant, endpoint, level
UNLIMITED: None = None


@dataclass(frozen=True)
class Bucket:
    owner: str  # t<tenant>, u<user> or a<address>
    endpoint: str
    rate: Rate

    @property
    def key(self) -> str:
        """The braces keep all buckets of an owner on one node of a cluster."""
        return f"daybook:limit:{{{self.owner}}}:{self.endpoint}:{self.rate.algorithm}"


def default(kind: str, per_minute: int) -> Rate:
    most = per_minute * HOOKS_FACTOR if kind == Kind.HOOKS else per_minute
    return Rate(most, most)


def buckets(
    table: Mapping[Entry, Rate | None], *, owner: str, tenant_id: int | None, kind: str, route: str, per_minute: int
) -> list[Bucket]:
    """Those that a request takes from; none when it is not limited.

    What is granted for the route stands instead of what is granted for its class. What the tenant chose lowers both.
    """
    name, granted = _granted(table, tenant_id, kind, route, per_minute)
    found = []
    chosen = table.get((tenant_id, name, "chosen")) if tenant_id is not None else None
    rate = granted.lowered(chosen) if granted is not None else chosen
    if rate is not None:
        found.append(Bucket(owner, name, rate))
    if name != route and tenant_id is not None and (chosen := table.get((tenant_id, route, "chosen"))):
        found.append(Bucket(owner, route, chosen))
    return found


def _granted(
    table: Mapping[Entry, Rate | None], tenant_id: int | None, kind: str, route: str, per_minute: int
) -> tuple[str, Rate | None]:
    for endpoint in (route, kind):
        for entry in ((tenant_id, endpoint, "granted"), (None, endpoint, "granted")):
            if entry in table:
                return endpoint, table[entry]
    return kind, default(kind, per_minute)


def whole_seconds(seconds: float) -> int:
    return max(1, math.ceil(seconds))
