"""Reads the rules of tenants, the built-in default among them. Who may change them is not asked here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from notifications.rules.kinds import Kind, Severity
from notifications.rules.rule import QuietHours, RuleFacts, default_of_tenant
from scheduler_project.lib import sql

KNOWN = frozenset(kind.value for kind in Kind)  # a newer version may have written others

RULES = """
SELECT r.*,
       ARRAY(SELECT u.user_id FROM notification_rules_users u WHERE u.rule_id = r.id ORDER BY 1) AS user_ids,
       ARRAY(SELECT c.channel_id FROM notification_rules_channels c WHERE c.rule_id = r.id ORDER BY 1) AS channel_ids
FROM notification_rules r WHERE r.tenant_id = ANY(%(tenants)s::bigint[])
ORDER BY r.tenant_id, r.is_default DESC, r.name, r.id
"""


def rules_of(tenant_ids: Iterable[int]) -> dict[int, list[RuleFacts]]:
    """All rules of each tenant, the disabled too: its default first, then by name."""
    found: dict[int, list[RuleFacts]] = {tenant: [] for tenant in tenant_ids}
    for row in sql.rows(RULES, {"tenants": list(found)}, prepare=False):
        found[row["tenant_id"]].append(rule_of_row(row))
    for tenant, rules in found.items():
        if not any(rule.is_default for rule in rules):
            rules.insert(0, default_of_tenant(tenant))
    return found


def default_of(tenant_id: int) -> RuleFacts:
    """The default rule of the tenant, built in or as it was changed."""
    return rules_of([tenant_id])[tenant_id][0]


def rule_of_row(row: sql.Row) -> RuleFacts:
    return RuleFacts(
        tenant_id=row["tenant_id"],
        name=row["name"],
        kinds=frozenset(Kind(kind) for kind in row["kinds"] if kind in KNOWN),
        rule_id=row["id"],
        is_default=row["is_default"],
        is_enabled=row["is_enabled"],
        job_id=row["job_id"],
        tag=row["tag"],
        in_row=row["in_row"],
        only_changes=row["only_changes"],
        severity=Severity(row["severity"]) if row["severity"] else None,
        to_owner=row["to_owner"],
        to_everyone=row["to_everyone"],
        user_ids=tuple(row["user_ids"]),
        channel_ids=tuple(row["channel_ids"]),
        group_minutes=row["group_minutes"],
        daily_cap=row["daily_cap"],
        zone=row["zone"],
        quiet=quiet_hours(row["quiet_from"], row["quiet_until"], row["zone"]),
        quiet_passes=Severity(row["quiet_passes"]),
    )


def quiet_hours(starts: time | None, ends: time | None, zone: str) -> QuietHours | None:
    return None if starts is None or ends is None else QuietHours(starts, ends, zone)
