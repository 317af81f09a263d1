"""The last step: what would be created, what speaks against it, and how a program creates the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.forms import BoundField
from django.http import HttpRequest
from django.urls import reverse

from jobs import workers
from jobs.admin.editor import parameters, problems
from jobs.admin.wizard import steps
from jobs.admin.wizard.draft_form import Judged, section_of
from jobs.admin.wizard.steps import Step
from jobs.definition import default_policies
from jobs.models import Job, JobDraft
from scheduler_project.lib import markup
from templates_registry import schema

SECRET = "<the secret>"  # noqa: S105  the word that stands for one
LEFT_OUT = {
    "description": "",
    "slug": "",
    "calendars": [],
    "pool": "",
    "tags": [],
    "queue": "default",
    "priority": "normal",
}
CLOCKS = {"gap": "shift", "fold": "first"}
ALWAYS_SHOWN = ("queue", "priority", "overlap", "misfire", "timeout", "max_retries")
POLICY_OF = {"timeout": "timeout_seconds", "max_retries": "max_retries"}


@dataclass(frozen=True)
class Row:
    """`target` is the control that changes it."""

    label: str
    value: Any
    step: Step
    target: str
    is_default: bool = False


def about(judged: Judged) -> list[Row]:
    shown = [judged.form[name] for name in ("name", "description", "tags", "slug")]
    return [_row(field) for field in shown if field.value() or field.name == "name"]


def of_parameters(draft: JobDraft) -> list[Row]:
    """By the labels of the form; secrets masked."""
    form = section_of(draft).form
    if form is None:
        return []
    given = schema.with_defaults(draft.template.schema, draft.parameters)
    masked = parameters.masked(draft.template, given)
    entries = {entry.path[0]: entry for entry in reversed(form.plan.entries) if entry.path}
    found = []
    for name, value in masked.items():
        entry = entries.get(name)
        field = form[entry.name] if entry is not None and entry.name in form.fields else None
        label = str(field.label) if field is not None and entry is not None and len(entry.path) == 1 else name
        target = problems.target(field) if field is not None else ""
        found.append(Row(label, value, steps.PARAMETERS, target, is_default=name not in draft.parameters))
    return found


def how(judged: Judged) -> list[Row]:
    """How it runs: what matters for every job, and whatever differs from what everybody gets."""
    form = judged.form
    groups = (form.held_back(), form.where(), form.overlapping(), form.limits(), form.cron_details(), form.bounds())
    fields = [field for group in groups for field in group]
    return [_of_policy(judged, field) for field in fields if field.name in ALWAYS_SHOWN or _is_chosen(field)]


def _is_chosen(field: BoundField) -> bool:
    value = field.form.cleaned_data.get(field.name)
    return value not in (None, "", [], False) and value != field.initial


def _of_policy(judged: Judged, field: BoundField) -> Row:
    row = _row(field)
    if field.name in POLICY_OF and judged.definition is not None:
        value = getattr(judged.definition.policies, POLICY_OF[field.name])
        shown = markup.duration(value) if field.name == "timeout" else value
        return Row(row.label, shown, row.step, row.target, is_default=not row.value)
    return row


def _row(field: BoundField) -> Row:
    value: Any = field.value()
    if isinstance(field.field.widget, forms.MultiWidget):
        value = " ".join(str(part) for part in value if part) if isinstance(value, list) and value[0] else ""
    elif isinstance(field.field, forms.MultipleChoiceField):
        value = [str(label) for key, label in _choices(field) if key in value]
    elif isinstance(field.field, forms.ChoiceField):
        value = dict(_choices(field)).get(str(value), value)
    elif isinstance(field.field, forms.BooleanField):
        value = bool(value)
    return Row(str(field.label), value, steps.step_of(field.name), problems.target(field))


def _choices(field: BoundField) -> list[tuple[str, str]]:
    return list(_flat(getattr(field.field, "choices", ())))


def _flat(choices: Any) -> Any:
    for key, label in choices:
        yield from _flat(label) if isinstance(label, list | tuple) else [(str(key), str(label))]


def added(judged: Judged) -> list[Row]:
    """What apps above the engine make with the job."""
    return [
        Row(line.label, line.value, one.addition.step, line.target)
        for one in judged.added
        for line in one.addition.shown(one.form)
    ]


# --- warnings ---------------------------------------------------------------------------------------------------------


def warnings(draft: JobDraft, judged: Judged) -> list[str]:
    """What a person should know before they create it; none of it forbids that."""
    found = []
    queue, name = judged.data["queue"], judged.data["name"]
    if not any(status.queue == queue and status.workers for status in workers.list_queues()):
        found.append(f"No worker serves the queue {queue} at the moment: runs would wait.")
    if name and Job.objects.filter(tenant=draft.tenant_id, name=name, archived_at=None).exists():
        found.append(f"Another job is called {name} as well.")
    if draft.template.is_destructive:
        found.append("Its template deletes or overwrites things.")
    if draft.template.requires_approval or judged.data["policies"].get("requires_approval"):
        found.append("Each run waits until somebody approves it.")
    return found


# --- for programs -----------------------------------------------------------------------------------------------------


def body(draft: JobDraft, judged: Judged, *, names_tenant: bool) -> dict[str, Any]:
    """What the API takes to create the same job: what is as everybody gets it is left out, secrets are placeholders."""
    defaults = default_policies(draft.template).to_json()
    data = dict(judged.data)
    data["parameters"] = schema.map_secrets(draft.template.schema, data["parameters"], lambda _: SECRET)
    data["policies"] = {name: value for name, value in data["policies"].items() if value != defaults.get(name)}
    data["schedule"] = {name: value for name, value in data["schedule"].items() if CLOCKS.get(name) != value}
    data = {name: value for name, value in data.items() if value != LEFT_OUT.get(name, object())}
    if not data["policies"]:
        del data["policies"]
    if names_tenant:
        data = {"tenant": draft.tenant.slug, **data}
    order = ("tenant", "name", "slug", "description", "template", "template_version", "parameters", "schedule")
    plain: dict[str, Any] = json.loads(json.dumps(data, default=_plain))
    return dict(sorted(plain.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def calls(request: HttpRequest, draft: JobDraft, judged: Judged, *, names_tenant: bool) -> list[dict[str, Any]]:
    """What a program calls after it has created the job, to make what is made with it here."""
    sound = [one for one in judged.added if not one.form.errors]
    wanted = [one.addition.call(draft, one.form, names_tenant=names_tenant) for one in sound]
    return [
        {"title": call.title, "body": call.body, "curl": curl(request, call.body, url=call.url)}
        for call in wanted
        if call is not None
    ]


def curl(request: HttpRequest, content: Mapping[str, Any], *, url: str = "") -> str:
    url = request.build_absolute_uri(url or reverse("job-list"))
    text = json.dumps(content, indent=2, ensure_ascii=False)
    return (
        f'curl -sS -X POST {shlex.quote(url)} \\\n  -H "Authorization: Bearer $KEY" \\\n'
        f'  -H "Content-Type: application/json" \\\n  -d {shlex.quote(text)}'
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(value)
