"""Writes what a batch came to: deliveries for channels, rows in inboxes. Those last: other writers wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from notifications.fanout.facts import facts_of
from notifications.fanout.hastening import hasten
from notifications.inbox import writing
from notifications.inbox.writing import Entry
from notifications.rules import timing, wording
from notifications.rules.answers import GIVE_UP_AFTER
from notifications.rules.audience import Circle
from notifications.rules.grouping import Gathered, Group
from notifications.rules.kinds import Severity
from scheduler_project.lib import sql

# The unsent delivery of a group counts what comes; a graver one hastens it. One that the sender has just taken is no
# unsent one any more: then this waits for it and is a delivery of its own.
DELIVER = """
INSERT INTO notification_deliveries AS d (tenant_id, channel_id, rule_id, uid, type, severity, group_key, facts, "to",
    count, status, reason, tries, created_at, last_at, not_before, next_try_at, give_up_at, log)
SELECT v.tenant_id, c.id, r.id, gen_random_uuid(), v.type, v.severity, v.group_key, v.facts,
       ARRAY(SELECT jsonb_array_elements_text(v.addresses)), v.count, 'waiting', '', 0, %(now)s, v.last_at,
       v.not_before, v.not_before, v.not_before + %(give_up_after)s::interval, '[]'
FROM unnest(%(tenant)s::bigint[], %(channel)s::bigint[], %(rule)s::bigint[], %(type)s::text[], %(severity)s::text[],
            %(group_key)s::text[], %(facts)s::jsonb[], %(to)s::jsonb[], %(count)s::integer[],
            %(last_at)s::timestamptz[], %(not_before)s::timestamptz[])
     AS v(tenant_id, channel_id, rule_id, type, severity, group_key, facts, addresses, count, last_at, not_before)
JOIN notification_channels c ON c.id = v.channel_id  -- it and the rule may have been deleted since they were read
LEFT JOIN notification_rules r ON r.id = v.rule_id
ORDER BY v.channel_id, v.group_key
ON CONFLICT (channel_id, group_key) WHERE status = 'waiting' AND tries = 0 DO UPDATE
SET count = d.count + excluded.count, last_at = greatest(d.last_at, excluded.last_at),
    facts = excluded.facts || jsonb_build_object('count', d.count + excluded.count), type = excluded.type,
    severity = CASE WHEN array_position(%(severities)s::text[], excluded.severity::text)
                       > array_position(%(severities)s::text[], d.severity::text)
                    THEN excluded.severity ELSE d.severity END,
    not_before = least(d.not_before, excluded.not_before), next_try_at = least(d.next_try_at, excluded.next_try_at),
    give_up_at = greatest(d.give_up_at, excluded.give_up_at)
"""


@dataclass(frozen=True)
class Surroundings:
    """What is asked of the world while messages are written."""

    circle: Circle
    tenants: Mapping[int, str]
    sent_at: Mapping[Group, datetime]
    now: datetime


def write(messages: Mapping[Group, Gathered], around: Surroundings) -> None:
    """In the caller's transaction, as the last thing that it does."""
    deliver([(group, one) for group, one in messages.items() if group.target.channel_id is not None], around)
    inboxes = [one for group, one in messages.items() if group.target.channel_id is None]
    writing.tell([_entry(message, around) for message in inboxes])


def deliver(messages: Sequence[tuple[Group, Gathered]], around: Surroundings) -> None:
    if not messages:
        return
    values: dict[str, object] = {
        "tenant": [group.target.tenant_id for group, _ in messages],
        "channel": [group.target.channel_id for group, _ in messages],
        "rule": [message.telling.rule.rule_id for _, message in messages],
        "type": [wording.type_of(message.telling.kind, message.folding) for _, message in messages],
        "severity": [message.severity.value for _, message in messages],
        "group_key": [group.key for group, _ in messages],
        "facts": [sql.json(facts_of(message, around.tenants)) for _, message in messages],
        "to": [sql.json(_addresses(group, around.circle)) for group, _ in messages],
        "count": [message.count for _, message in messages],
        "last_at": [message.at for _, message in messages],
        "not_before": [_not_before(group, message, around) for group, message in messages],
        "now": around.now,
        "give_up_after": GIVE_UP_AFTER,
        "severities": [severity.value for severity in Severity],
    }
    sql.rows(DELIVER, values)
    hasten((group for group, _ in messages), around.circle, now=around.now)


def _entry(message: Gathered, around: Surroundings) -> Entry:
    target = message.telling.target
    one, many = wording.titles(message)
    facts = facts_of(message, around.tenants)
    return Entry(
        tenant_id=target.tenant_id,
        user_id=target.user_id,
        type=wording.type_of(message.telling.kind, message.folding),
        severity=message.severity.value,
        title=one,
        body=wording.body(message),
        # How often it happened is in the row, which goes on counting.
        meta={name: value for name, value in facts.items() if name != "count"},
        job_id=facts["job"]["id"] if facts["job"] else None,
        group_key=message.group_key,
        many=many,
        count=message.count,
        at=message.at,
    )


def _addresses(group: Group, circle: Circle) -> list[str]:
    person = circle.people.get(group.target.user_id or 0)
    return [person.email] if person else []


def _not_before(group: Group, message: Gathered, around: Surroundings) -> datetime:
    person = around.circle.people.get(group.target.user_id or 0)
    return timing.not_before(
        message.telling.rule,
        message.severity,
        message.folding,
        now=around.now,
        sent_at=around.sent_at.get(group),
        person=person.quiet if person else None,
    )
