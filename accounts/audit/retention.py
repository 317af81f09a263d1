"""Partitions of the trail and of the record of requests: made ahead, and dropped when their time is over.

A month leaves the trail as a whole, once every entry of it is sealed. Its seals stay, and the chain says that it was
dropped, so that what is left can be verified as before.
"""

from __future__ import annotations

from datetime import date, timedelta

from django.conf import settings

from accounts.audit.recording import record
from accounts.audit.sealing import add_link, newest_seal
from scheduler_project.lib import partitions, sql, telemetry, transactions

EVERY = timedelta(minutes=10)
MONTHS_AHEAD = 3
DAYS_AHEAD = 3

MAKE = """
SELECT daybook_make_audit_partitions(current_date, %(months)s::integer)
       + daybook_make_request_partitions(current_date, %(days)s::integer) AS made
"""
STRAY = "DELETE FROM api_requests_default WHERE at < current_date - %(kept)s::integer"
HAS_UNSEALED = """
SELECT 1 FROM audit_entries
WHERE id > %(floor)s AND (xid, id) > (%(xid)s, %(id)s) AND at >= %(month)s::date::timestamp AT TIME ZONE 'UTC'
  AND at < (%(month)s::date + interval '1 month') AT TIME ZONE 'UTC'
LIMIT 1
"""
COUNT = "SELECT coalesce(sum(count), 0) AS count FROM audit_seals WHERE kind = 'entries' AND month = %(month)s"
DROP = "DROP TABLE {entries}; DROP TABLE IF EXISTS {digests}"


def sweep() -> int:
    """Returns how many partitions were made or dropped."""
    with transactions.engine():  # a new partition waits for readers, and writers for us: so it gives up soon
        made = sql.row(MAKE, {"months": MONTHS_AHEAD, "days": DAYS_AHEAD})
    assert made is not None
    return int(made["made"]) + drop_requests() + drop_months()


def drop_requests() -> int:
    kept = max(settings.DAYBOOK_REQUEST_LOG_DAYS, 1)
    oldest = sql.now().date() - timedelta(days=kept)
    old = [name for name, day in partitions.dated("api_requests") if day < oldest]
    for name in old:
        with transactions.engine():
            sql.script(f"DROP TABLE {name}")
    sql.rows(STRAY, {"kept": kept})
    return len(old)


def drop_months() -> int:
    """The months that are kept no longer, the oldest first, up to one that has unsealed entries."""
    dropped = 0
    now = _number(sql.now().date())
    for name, month in partitions.dated("audit_entries"):
        if now - _number(month) <= settings.DAYBOOK_AUDIT_MONTHS:
            break
        if not _drop(name, month):
            telemetry.emit("audit.kept_unsealed", month=month.isoformat())
            break
        dropped += 1
    return dropped


def _number(month: date) -> int:
    return 12 * month.year + month.month


def _drop(name: str, month: date) -> bool:
    with transactions.engine():
        newest = newest_seal()
        place = {
            "xid": newest.last_xid if newest else 0,
            "id": newest.last_id if newest else 0,
            "floor": newest.floor_id if newest else 0,
            "month": month,
        }
        if sql.row(HAS_UNSEALED, place):
            return False
        found = sql.row(COUNT, {"month": month})
        count = int(found["count"]) if found else 0
        if count:
            add_link(newest, "dropped", month, count=count)
            record(
                "audit.dropped",
                actor="system:retention",
                tenant_id=None,
                target="audit",
                target_id=month.isoformat(),
                after={"month": month.isoformat(), "entries": count},
            )
        sql.script(DROP.format(entries=name, digests=name.replace("audit_entries", "audit_digests")))
    telemetry.emit("audit.dropped", month=month.isoformat(), entries=count)
    return True
