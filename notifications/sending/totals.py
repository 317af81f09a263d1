"""Adds up what deliveries came to and how long they took, for the metrics: rows of deliveries are forgotten."""

from __future__ import annotations

from typing import Final

from notifications.rules.kinds import ChannelKind, SendingStatus
from scheduler_project.lib import sql

# Seconds from when it was written until it was over; grouping, quiet hours and tries count.
BUCKETS: Final = (0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400)

ADD = """
INSERT INTO notification_delivery_totals AS t (kind, status, count, seconds, buckets)
VALUES (%(kind)s, %(status)s, 1, %(seconds)s, %(buckets)s::bigint[])
ON CONFLICT (kind, status) DO UPDATE
SET count = t.count + 1, seconds = t.seconds + excluded.seconds,
    buckets = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
                    FROM unnest(t.buckets, excluded.buckets) WITH ORDINALITY AS u(a, b, n) ORDER BY n)
"""


def add(kind: ChannelKind, status: SendingStatus, seconds: float) -> None:
    place = next((number for number, bound in enumerate(BUCKETS) if seconds <= bound), len(BUCKETS))
    buckets = [int(number == place) for number in range(len(BUCKETS) + 1)]
    sql.rows(ADD, {"kind": kind.value, "status": status.value, "seconds": seconds, "buckets": buckets})
