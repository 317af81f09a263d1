"""The figures of `/metrics` about notifications: how many people were told, and how far behind the telling is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from notifications.fanout.fan_out import OF_RUNS, OF_THE_SCHEDULING
from notifications.sending.totals import BUCKETS
from scheduler_project.observability import direct
from scheduler_project.observability.lookup import Lookup

KEEP = timedelta(seconds=1)
PATIENCE = timedelta(seconds=2)
BOUNDS = [*(f"{bound:g}" for bound in BUCKETS), "+Inf"]

# Each part touches an index or a small table. A reader that has never read lacks nothing.
STATEMENT = """
WITH waiting AS (
    SELECT count(*) AS count,
           min(not_before) FILTER (WHERE not_before <= clock_timestamp()) AS oldest
    FROM notification_deliveries WHERE next_try_at IS NOT NULL
), runs AS (
    SELECT v.at FROM event_cursors c JOIN execution_events v ON (v.xid, v.id) > (c.xid, c.event_id)
    WHERE c.name = %(runs)s ORDER BY v.xid, v.id LIMIT 1
), scheduling AS (
    SELECT v.at FROM event_cursors c JOIN scheduler_events v ON (v.xid, v.id) > (c.xid, c.event_id)
    WHERE c.name = %(scheduling)s AND v.level <> 'info' ORDER BY v.xid, v.id LIMIT 1
)
SELECT
    coalesce((SELECT json_agg(t ORDER BY type, severity) FROM ui_notification_totals t), '[]') AS told,
    coalesce((SELECT json_agg(t ORDER BY kind, status) FROM notification_delivery_totals t), '[]') AS ended,
    (SELECT count FROM waiting) AS waiting,
    coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - oldest), 0) FROM waiting), 0)::float AS oldest,
    coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - at), 0) FROM runs), 0)::float AS runs_lag,
    coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - at), 0) FROM scheduling), 0)::float
        AS scheduling_lag
"""


@dataclass(frozen=True)
class Told:
    told: list[dict[str, Any]]
    ended: list[dict[str, Any]]
    waiting: int
    oldest: float
    runs_lag: float
    scheduling_lag: float


def take() -> Told:
    """Raises what the driver raises."""
    with direct.database() as connection:
        found = connection.execute(STATEMENT, {"runs": OF_RUNS, "scheduling": OF_THE_SCHEDULING}).fetchone()
    assert found is not None
    return Told(**found)


class NotificationCollector(Collector):
    """One statement a second at most. Without the database it tells nothing; `daybook_up` says why."""

    def __init__(self) -> None:
        self._lookup = Lookup("notification metrics", take, keep=KEEP)

    def describe(self) -> list[Metric]:
        return []  # nothing is asked of the database when the collector is registered

    def collect(self) -> Iterator[Metric]:
        try:
            found = self._lookup.get(patience=PATIENCE)
        except Exception:  # noqa: BLE001  a scrape must not fail with the database
            return
        yield _told(found)
        yield from _ended(found)
        yield GaugeMetricFamily(
            "notification_deliveries_waiting", "Deliveries that are to be sent or tried again.", value=found.waiting
        )
        yield GaugeMetricFamily(
            "notification_delivery_oldest_seconds",
            "How long the oldest of them could have been sent; grouping and quiet hours do not count.",
            value=found.oldest,
        )
        lag = GaugeMetricFamily(
            "notification_fanout_lag_seconds",
            "Age of the oldest event that nobody has been told of yet.",
            labels=["stream"],
        )
        lag.add_metric(["executions"], found.runs_lag)
        lag.add_metric(["scheduling"], found.scheduling_lag)
        yield lag


def _told(found: Told) -> Metric:
    family = CounterMetricFamily(
        "ui_notifications", "Notifications in inboxes, repeats counted.", labels=["severity", "type"]
    )
    for total in found.told:
        family.add_metric([total["severity"], total["type"]], total["count"])
    return family


def _ended(found: Told) -> Iterator[Metric]:
    ended = CounterMetricFamily(
        "notification_deliveries", "Deliveries that came to an end.", labels=["channel", "status"]
    )
    seconds = HistogramMetricFamily(
        "notification_delivery_seconds",
        "From when a delivery was due until it was over: tries count, grouping and quiet hours do not.",
        labels=["channel", "status"],
    )
    for total in found.ended:
        labels = [total["kind"], total["status"]]
        ended.add_metric(labels, total["count"])
        buckets = list(zip(BOUNDS, accumulate(total["buckets"]), strict=True))
        seconds.add_metric(labels, buckets, sum_value=total["seconds"])
    yield ended
    yield seconds
