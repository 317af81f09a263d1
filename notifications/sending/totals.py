"""Adds up what deliveries came to and how long they took, for the metrics: rows of deliveries are forgotten."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from notifications.rules.kinds import ChannelKind, SendingStatus
from scheduler_project.lib import sql

# Seconds from when it was due until it was over: tries count, grouping and quiet hours do not.
BUCKETS: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400)

ADD = """
INSERT INTO notification_delivery_totals AS t (kind, status, count, seconds, buckets)
VALUES (%(kind)s, %(status)s, %(count)s, %(seconds)s, %(buckets)s::bigint[])
ON CONFLICT (kind, status) DO UPDATE
SET count = t.count + excluded.count, seconds = t.seconds + excluded.seconds,
    buckets = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                    FROM unnest(t.buckets, excluded.buckets) WITH ORDINALITY AS u(a, b, n) ORDER BY n)
"""


class Ended(NamedTuple):
    """A delivery that is over; `lag` are the seconds since it was due."""

    kind: ChannelKind
    status: SendingStatus
    lag: float


def add(ended: Iterable[Ended]) -> None:
    """As the last thing of a transaction and in one order, so that two that count never wait for each other."""
    lags: dict[tuple[str, str], list[float]] = defaultdict(list)
    for one in ended:
        lags[one.kind.value, one.status.value].append(one.lag)
    for (kind, status), seconds in sorted(lags.items()):
        values = {"kind": kind, "status": status, "count": len(seconds), "seconds": sum(seconds)}
        sql.rows(ADD, {**values, "buckets": _buckets(seconds)})


def _buckets(seconds: Iterable[float]) -> list[int]:
    places = Counter(bisect_left(BUCKETS, one) for one in seconds)
    return [places[place] for place in range(len(BUCKETS) + 1)]
