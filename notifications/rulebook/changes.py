"""Every change of a rule. The default rule of a tenant is built in until it is changed; put back, it is so again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from django.db import transaction

from accounts.models import Tenant
from jobs import trail
from jobs.models import Job
from notifications.models import Rule
from notifications.rulebook.reader import RuleInput, Writer, read
from notifications.rulebook.shapes import built_in
from notifications.rules.kinds import OF_THE_SYSTEM
from scheduler_project.lib import sql, telemetry, transactions

MOST_PER_TENANT = 200
BUILT_IN: Final = "built in"


class TooManyRules(Exception):
    """The tenant has as many as a tenant can have."""


class RuleChanged(Exception):
    """Someone else changed the rule in the meantime."""


@dataclass(frozen=True)
class Editor:
    """Who changes a rule."""

    actor: str
    is_superuser: bool = False


def create(data: Mapping[str, Any], *, tenant: Tenant, by: Editor) -> Rule:
    """A new rule; it tells of what happens from now on. Raises `InvalidRule`, `TooManyRules`."""
    with transactions.engine():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        new = read(data, Writer(tenant.pk, by.is_superuser))
        _refuse_too_many(tenant, adding=1)
        rule = Rule(tenant=tenant)
        _write(rule, new, by=by)
        _tell("notification_rule.created", rule, by, after=new.to_json())
    return rule


def change(
    rule_id: int,
    data: Mapping[str, Any],
    *,
    by: Editor,
    replaces: bool = False,
    expected_updated_at: datetime | None = None,
) -> Rule:
    """Change what `data` names; with `replaces`, all else goes back to what a new rule has.

    Raises `InvalidRule`, `RuleChanged`, `Rule.DoesNotExist`.
    """
    with transactions.engine():
        rule = Rule.objects.select_for_update(no_key=True).get(pk=rule_id)
        if expected_updated_at is not None and rule.updated_at != expected_updated_at:
            raise _changed(rule)
        before = RuleInput.of(rule)
        writer = Writer(rule.tenant_id, by.is_superuser, is_default=rule.is_default)
        new = read(data, writer, current=before, replaces=replaces)
        _write(rule, new, by=by)
        _tell("notification_rule.changed", rule, by, before=before.to_json(), after=new.to_json())
    return rule


def change_default(
    data: Mapping[str, Any],
    *,
    tenant: Tenant,
    by: Editor,
    replaces: bool = False,
    expected: datetime | Literal["built in"] | None = None,
) -> Rule:
    """Change the default rule of a tenant; from then on it has a row. Raises `InvalidRule`, `RuleChanged`."""
    with transactions.engine():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        rule = default_row(tenant)
        if rule is not None:
            if expected == BUILT_IN:
                raise _changed(rule)
            return change(rule.pk, data, by=by, replaces=replaces, expected_updated_at=expected)
        if isinstance(expected, datetime):
            raise RuleChanged("Somebody has put the default rule back in the meantime; read it again first.")
        before = built_in(tenant.pk)
        writer = Writer(tenant.pk, by.is_superuser, is_default=True)
        new = read(data, writer, current=before, replaces=replaces)
        rule = Rule(tenant=tenant, is_default=True)
        _write(rule, new, by=by)
        _tell("notification_rule.changed", rule, by, before=before.to_json(), after=new.to_json())
    return rule


def delete(rule_id: int, *, by: Editor) -> None:
    """Remove a rule; the default rule of a tenant is put back to what is built in. Raises `Rule.DoesNotExist`."""
    with transactions.engine():
        rule = Rule.objects.select_for_update().get(pk=rule_id)
        event = "notification_rule.put_back" if rule.is_default else "notification_rule.deleted"
        _tell(event, rule, by, before=RuleInput.of(rule).to_json())
        rule.delete()


def put_back_default(*, tenant: Tenant, by: Editor) -> None:
    """What is built in holds again. Without a change before, nothing happens."""
    with transactions.engine():
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        if (rule := default_row(tenant)) is not None:
            delete(rule.pk, by=by)


def copy_rules(of: Job, to: Job, actor: str) -> int:
    """The rules of one job for another of the same tenant, as far as the tenant may have more; how many there are.
    What only superusers ask for does not go along."""
    rules = list(Rule.objects.filter(job=of).order_by("pk").prefetch_related("users", "channels"))
    if not rules:
        return 0
    with transactions.engine():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=to.tenant_id)
        room = MOST_PER_TENANT - Rule.objects.filter(tenant=tenant).count()
        inputs = [replace(RuleInput.of(rule), job=to.pk) for rule in rules]
        inputs = [
            replace(rule, kinds=tuple(kind for kind in rule.kinds if kind not in OF_THE_SYSTEM)) for rule in inputs
        ]
        copied = [rule for rule in inputs if rule.kinds][: max(0, room)]
        for new in copied:
            rule = Rule(tenant=tenant)
            _write(rule, new, by=Editor(actor))
            _tell("notification_rule.created", rule, Editor(actor), after=new.to_json())
    return len(copied)


def default_row(tenant: Tenant) -> Rule | None:
    return Rule.objects.filter(tenant=tenant, is_default=True).first()


def _changed(rule: Rule) -> RuleChanged:
    return RuleChanged(f"{rule.updated_by} has changed {rule.name} in the meantime; read it again first.")


def _refuse_too_many(tenant: Tenant, *, adding: int) -> None:
    if Rule.objects.filter(tenant=tenant).count() + adding > MOST_PER_TENANT:
        raise TooManyRules(f"{tenant.name} has {MOST_PER_TENANT} rules already; delete one of them first.")


def _write(rule: Rule, new: RuleInput, *, by: Editor) -> None:
    new.write_to(rule)
    rule.updated_at, rule.updated_by = sql.now(), by.actor
    rule.save()
    rule.users.set(new.users)
    rule.channels.set(new.channels)


def _tell(event: str, rule: Rule, by: Editor, **states: Any) -> None:
    trail.tell(event, rule, actor=by.actor, **states)
    fields = {"rule": rule.name, "actor": by.actor}
    transaction.on_commit(lambda: telemetry.emit(event, **fields))
