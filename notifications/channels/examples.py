"""Facts of happenings that never were, for previews and tests: of each kind as the fan-out words them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from notifications.channels.message import Message
from notifications.models import Channel, Delivery
from notifications.rules import grouping, wording
from notifications.rules.audience import Target, Telling
from notifications.rules.grouping import Folding
from notifications.rules.happening import Happening
from notifications.rules.kinds import ABOUT, OF_THE_SYSTEM, Kind, Severity
from notifications.rules.rule import RuleFacts

STORM: Final = "storm"
LABELS: Mapping[str, str] = {
    **{kind.value: ABOUT[kind].label for kind in Kind},
    STORM: "Many runs at once, in one message",
}
IN_A_STORM, ITS_JOBS = 4_000, 1_200
JOB, RULE = "Nightly export", "An example"
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
        "job": {"id": 1, "name": JOB, "slug": "nightly-export"} if is_of_job else None,
        "execution": {"id": 91} if is_of_job and kind not in (Kind.MISSED, Kind.LATE) else None,
        "tenant": tenant,
        "at": datetime.now(UTC).isoformat(),
        "error": ERROR if failed else "",
        "failures_in_row": 3 if failed else 0,
        "reason": REASONS.get(kind, ""),
        "count": 1,
        "rule": RULE,
        "path": "/admin/",
    }


def about(what: str, *, tenant: str, title_text: str = "", body_text: str = "", count: int = 1) -> Message:
    """Of one of `LABELS`. A storm is of many, however few are asked for."""
    if what == STORM:
        many = count if count > 1 else IN_A_STORM
        return storm(tenant=tenant, title_text=title_text, body_text=body_text, count=many)
    return example(Kind(what), tenant=tenant, title_text=title_text, body_text=body_text, count=count)


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


def storm(*, tenant: str, title_text: str = "", body_text: str = "", count: int) -> Message:
    """Of what came too fast to be told one by one."""
    kind, at = Kind.FAILED, datetime.now(UTC)
    telling = Telling(RuleFacts(None, RULE, frozenset({kind})), kind, Target(None))
    severity, last = ABOUT[kind].severity, Happening((kind,), None, at, name=JOB)
    told = grouping.Gathered(telling, Folding.STORM, "", severity, last, at, count, min(count, ITS_JOBS))
    facts = example_facts(kind, tenant=tenant) | {"job": None, "execution": None, "error": "", "failures_in_row": 0}
    facts |= {"title": wording.titles(told)[1], "reason": wording.body(told)}
    facts |= {"digest": STORM, "jobs": told.jobs, "count": count}
    return Message(
        uid=uuid4(),
        type=wording.type_of(kind, Folding.STORM),
        severity=severity,
        facts=facts,
        count=count,
        title_text=title_text,
        body_text=body_text,
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
