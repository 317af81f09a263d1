"""A rule in its two shapes: as it is stored, and as the fan-out asks it."""

from __future__ import annotations

from notifications.rulebook.reader import QuietInput, RuleInput
from notifications.rulebook.words import sorted_kinds
from notifications.rules.kinds import Kind, Severity
from notifications.rules.rule import QuietHours, RuleFacts, default_of_tenant

SAME = ("name", "tag", "in_row", "only_changes", "to_owner", "to_everyone", "group_minutes", "daily_cap", "zone")


def built_in(tenant_id: int) -> RuleInput:
    """The built-in default rule as it would be stored."""
    return input_of(default_of_tenant(tenant_id))


def input_of(facts: RuleFacts) -> RuleInput:
    quiet = facts.quiet
    return RuleInput(
        **{name: getattr(facts, name) for name in SAME},
        enabled=facts.is_enabled,
        job=facts.job_id,
        kinds=tuple(kind.value for kind in sorted_kinds(facts.kinds)),
        severity=facts.severity.value if facts.severity else "",
        users=facts.user_ids,
        channels=facts.channel_ids,
        quiet_hours=QuietInput(quiet.starts, quiet.ends) if quiet else None,
        quiet_passes=facts.quiet_passes.value,
    )


def rule_of_input(rule: RuleInput, tenant_id: int, *, is_default: bool = False) -> RuleFacts:
    """Without an id, as one that is not stored yet."""
    quiet = rule.quiet_hours
    return RuleFacts(
        **{name: getattr(rule, name) for name in SAME},
        tenant_id=tenant_id,
        kinds=frozenset(Kind(kind) for kind in rule.kinds),
        is_default=is_default,
        is_enabled=rule.enabled,
        job_id=rule.job,
        severity=Severity(rule.severity) if rule.severity else None,
        user_ids=rule.users,
        channel_ids=rule.channels,
        quiet=QuietHours(quiet.starts, quiet.ends, rule.zone) if quiet else None,
        quiet_passes=Severity(rule.quiet_passes),
    )
