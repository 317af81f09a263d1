"""What people do to the rows of this app, as the audit trail has it. In the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Model

from accounts import audit
from scheduler_project.lib import sql
from scheduler_project.lib.text_masking import MASK
from templates_registry import schema
from templates_registry.models import TemplateVersion

MOST_NAMED = 100  # ids of executions in one entry

Fields = Mapping[str, Any]


def tell(
    action: str,
    row: Model,
    *,
    actor: str,
    before: Fields | None = None,
    after: Fields | None = None,
    note: str = "",
    name: str = "",
) -> None:
    """`action` begins with the kind of row: `pool.changed`."""
    audit.record(
        action,
        actor=actor,
        tenant_id=getattr(row, "tenant_id", None),
        target=action.partition(".")[0],
        target_id=row.pk,
        target_name=name or getattr(row, "name", "") or str(row),
        before=before,
        after=after,
        note=note,
    )


EXECUTIONS = """
SELECT e.tenant_id, array_agg(e.id ORDER BY e.id) AS ids, min(coalesce(j.name, t.name)) AS name
FROM job_executions e JOIN job_templates t ON t.id = e.template_id LEFT JOIN dynamic_jobs j ON j.id = e.job_id
WHERE e.id = ANY(%(ids)s::bigint[]) GROUP BY e.tenant_id ORDER BY e.tenant_id
"""


def tell_of_executions(
    action: str, ids: Sequence[int], *, actor: str, after: Fields | None = None, note: str = ""
) -> None:
    """One entry for each tenant, however many there are."""
    for found in sql.rows(EXECUTIONS, {"ids": list(ids)}):
        count = len(found["ids"])
        many = {"count": count, "executions": found["ids"][:MOST_NAMED]} if count > 1 else {}
        audit.record(
            action,
            actor=actor,
            tenant_id=found["tenant_id"],
            target="execution",
            target_id=found["ids"][0] if count == 1 else "",
            target_name=found["name"] if count == 1 else f"{count} executions",
            after={**(after or {}), **many},
            note=note,
        )


def is_worth_telling(actor: str) -> bool:
    """What the scheduling itself does stands in the ticks and in the events of executions."""
    return not actor.startswith("system:")


# --- definitions and parameters ---------------------------------------------------------------------------------------


def comparable(before: Fields | None, after: Fields) -> tuple[Fields | None, Fields]:
    """Two definitions of a job without their secrets; that one of these has changed is said."""
    shown = _without_secrets(after)
    if before is None:
        return None, shown
    shown_before = _without_secrets(before)
    has_new_secret = before["parameters"] != after["parameters"] and (
        shown_before["parameters"] == shown["parameters"] and before["template"] == after["template"]
    )
    return (shown_before, {**shown, "secrets": "changed"}) if has_new_secret else (shown_before, shown)


def masked(template: TemplateVersion, parameters: Any) -> Any:
    return schema.map_secrets(template.schema, parameters, lambda secret: MASK)


def _without_secrets(definition: Fields) -> Fields:
    template = TemplateVersion.objects.filter(
        name=definition.get("template", ""), version=definition.get("template_version", 0)
    ).first()
    parameters = definition.get("parameters") or {}
    return {**definition, "parameters": masked(template, parameters) if template else {}}
