"""Facts of happenings that never were, for previews and tests: of each kind as the fan-out words them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from notifications.channels.message import Message
from notifications.models import Channel, Delivery
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind, Severity

ERROR = "ConnectionError: the shop's database did not answer within 30 s"
REASONS: Mapping[Kind, str] = {
    Kind.MISSED: "Nothing ran at 03:00: the scheduler was down.",
    Kind.LATE: "It was due at 03:00 and started at 03:12.",
    Kind.SLOW: "It has been running for 42 minutes; 95 of 100 runs take less than 11.",
    Kind.RECOVERED: "It had failed 3 times in a row.",
    Kind.CIRCUIT: "The circuit mail opened: it failed too often in a row.",
    Kind.SCHEDULER: "No scheduler has led for 40 seconds.",
    Kind.WORKER: "The worker io-1 has not been heard of for 2 minutes.",
}


def example_facts(kind: Kind, *, tenant: str) -> dict[str, Any]:
    is_of_job = kind not in OF_THE_SYSTEM
    failed = kind in (Kind.FAILED, Kind.DEAD_LETTER)
    return {
        "kind": kind.value,
        "job": {"id": 1, "name": "Nightly export", "slug": "nightly-export"} if is_of_job else None,
        "execution": {"id": 91} if is_of_job and kind not in (Kind.MISSED, Kind.LATE) else None,
        "tenant": tenant,
        "at": datetime.now(UTC).isoformat(),
        "error": ERROR if failed else "",
        "failures_in_row": 3 if failed else 0,
        "reason": REASONS.get(kind, ""),
        "count": 1,
        "rule": "An example",
        "path": "/admin/",
    }


def example(
    kind: Kind, *, tenant: str, title_text: str = "", body_text: str = "", count: int = 1, is_test: bool = False
) -> Message:
    return Message(
        uid=uuid4(),
        type="test" if is_test else kind.value,
        severity=Severity.INFO if is_test else ABOUT[kind].severity,
        facts=example_facts(kind, tenant=tenant),
        count=count,
        title_text=title_text,
        body_text=body_text,
        is_test=is_test,
    )


def of_delivery(delivery: Delivery, channel: Channel) -> Message:
    """As it is said now, by the channel's words of now."""
    return Message(
        uid=delivery.uid,
        type=delivery.type,
        severity=Severity(delivery.severity),
        facts=delivery.facts,
        count=delivery.count,
        at=delivery.last_at,
        title_text=channel.title_text,
        body_text=channel.body_text,
    )
