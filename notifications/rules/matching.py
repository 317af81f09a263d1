"""Which rules a happening meets, and as what each tells it."""

from __future__ import annotations

from collections.abc import Iterable

from notifications.rules.happening import Happening, JobFacts
from notifications.rules.kinds import Kind
from notifications.rules.rule import RuleFacts


def told_as(rule: RuleFacts, happening: Happening) -> Kind | None:
    """The kind under which the rule tells it; None when it does not."""
    if not rule.is_enabled or not covers(rule, tenant_id=happening.tenant_id, job=happening.job):
        return None
    if rule.is_of_the_system and not happening.is_of_the_system:
        return None
    kinds = (kind for kind in happening.kinds if kind in rule.kinds)
    return next((kind for kind in kinds if is_due(rule, kind, happening.failures_in_row)), None)


def covers(rule: RuleFacts, *, tenant_id: int | None, job: JobFacts | None) -> bool:
    """Whether it is about this job; what is of no tenant concerns every rule that may ask for it."""
    if rule.tenant_id is not None and tenant_id not in (None, rule.tenant_id):
        return False
    if rule.job_id is not None:
        return job is not None and job.job_id == rule.job_id
    return not rule.tag or (job is not None and rule.tag in job.tags)


def is_due(rule: RuleFacts, kind: Kind, failures_in_row: int) -> bool:
    """After so many failures in a row, this one included; of a recovery, before it."""
    if kind is Kind.FAILED:
        return failures_in_row == rule.in_row if rule.only_changes else failures_in_row >= rule.in_row
    if kind is Kind.RECOVERED:
        return failures_in_row >= rule.in_row
    return True


def in_order(rules: Iterable[RuleFacts]) -> list[RuleFacts]:
    """The narrowest first: whom several rules would tell the same, hears it by the first of them."""
    return sorted(rules, key=lambda rule: (_width(rule), rule.rule_id or 0))


def wants(rules: Iterable[RuleFacts], kind: Kind) -> bool:
    return any(rule.is_enabled and kind in rule.kinds for rule in rules)


def _width(rule: RuleFacts) -> int:
    if rule.is_of_the_system:
        return 4
    if rule.is_default:
        return 3
    if rule.job_id is not None:
        return 0
    return 1 if rule.tag else 2
