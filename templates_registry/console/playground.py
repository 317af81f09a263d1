"""A schema beside the form that operators would get of it. Nothing is stored, and time and size are bounded."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from templates_registry.forms import raw_parts
from templates_registry.forms import section as sections
from templates_registry.forms.form import ParameterForm
from templates_registry.forms.json_form import JsonParameterForm
from templates_registry.forms.json_lines import line_of
from templates_registry.forms.section import SWITCH, Section
from templates_registry.models import TemplateVersion
from templates_registry.schema import check_schema, drop_secrets, map_secrets, validate, with_defaults
from templates_registry.schema.paths import ROOT, extend
from templates_registry.schema.time_limit import OutOfTime, within

LARGEST = 64 * 1024
SECONDS = 0.3
TOO_SLOW = "Judging this schema takes too long. Make it smaller, or point to fewer parts from each part."
MASK = "••••••"
FIRST = {
    "type": "object",
    "additionalProperties": False,
    "required": ["region"],
    "properties": {
        "region": {"title": "Region", "enum": ["eu", "us", "ap"]},
        "older_than_days": {"title": "Older than (days)", "type": "integer", "minimum": 1, "default": 30},
        "recipients": {
            "title": "Recipients",
            "description": "Who gets the report.",
            "type": "array",
            "items": {"type": "string", "format": "email"},
        },
        "token": {"title": "Token", "type": "string", "writeOnly": True},
    },
}


@dataclass
class Outcome:
    """What became of a schema: problems, or a form and what its values amount to."""

    text: str
    # (line or None, words)
    problems: list[tuple[int | None, str]] = field(default_factory=list)
    section: Section | None = None
    raw: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    was_sent: bool = False

    @property
    def fields(self) -> str:
        """What the form has fields for, to tell what was left empty from what was not there."""
        form = self.section.form if self.section else None
        return " ".join(form.fields) if form is not None else ""


def respond(request: HttpRequest, site_context: dict[str, Any]) -> HttpResponse:
    if not access.may_anywhere(request.user, Scope.SCHEDULER_WRITE):
        raise PermissionDenied("Your role does not allow you to write jobs, and so not to try schemas.")
    if request.method != "POST":
        return _page(request, site_context, try_schema(_first_text(request), None))
    outcome = try_schema(request.POST.get("schema", ""), request.POST)
    if not request.headers.get("HX-Request"):
        return _page(request, site_context, outcome)
    if SWITCH in request.POST and outcome.section is not None:
        return TemplateResponse(request, "jobs/editor/parameters.html", {"section": outcome.section})
    part = "result" if request.POST.get("part") == "result" else "outcome"
    return HttpResponse(render_to_string(f"templates_registry/playground_{part}.html", _shown(outcome), request))


def try_schema(text: str, data: Any) -> Outcome:
    """Bounded in size and time, so that anybody may try anything."""
    outcome = Outcome(text)
    if len(text.encode(errors="replace")) > LARGEST:
        outcome.problems.append((None, f"A schema may have at most {LARGEST // 1024} KB here."))
        return outcome
    schema = _read(text, outcome)
    if schema is None:
        return outcome
    try:
        with within(SECONDS):
            _judge(schema, data, outcome)
    except OutOfTime:
        return Outcome(text, [(None, TOO_SLOW)])
    except RecursionError:
        return Outcome(text, [(None, "The schema goes too deep.")])
    return outcome


def _read(text: str, outcome: Outcome) -> dict[str, Any] | None:
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        outcome.problems.append((error.lineno, f"This is not JSON: {error.msg}, at column {error.colno}."))
        return None
    except (ValueError, RecursionError):
        outcome.problems.append((None, "This is not JSON that can be read."))
        return None
    if not isinstance(schema, dict):
        outcome.problems.append((1, 'Write an object, {"type": "object", …}.'))
        return None
    return schema


def _judge(schema: dict[str, Any], data: Any, outcome: Outcome) -> None:
    for problem in check_schema(schema):
        pointer, _, words = problem.partition(": ")
        if pointer.startswith("/") and words:
            outcome.problems.append((line_of(outcome.text, _path(schema, pointer)), problem))
        else:
            outcome.problems.append((None, problem))
    if outcome.problems:
        return
    outcome.raw = [(place.removeprefix(f"{ROOT}."), why) for place, why in raw_parts(schema)]
    template = TemplateVersion(schema=schema)
    outcome.section = _section(template, data)
    outcome.section.url = reverse("admin:templates_registry_playground")
    _look_at_values(outcome, template, data)


def _look_at_values(outcome: Outcome, template: TemplateVersion, data: Any) -> None:
    entered: dict[str, Any] = {}
    if data is not None:
        form = sections.sent(template, data, {}).form
        assert form is not None
        entered = _entered(form, data)
        outcome.faults = {name: [str(one) for one in form.errors[name]] for name in form.errors if form.is_unread(name)}
    values = with_defaults(template.schema, entered)
    outcome.was_sent = data is not None
    outcome.values = map_secrets(template.schema, values, lambda _: MASK)
    faults = validate(template.schema, values).items()
    outcome.faults |= {path.removeprefix(f"{ROOT}."): messages for path, messages in faults}


def _section(template: TemplateVersion, data: Any) -> Section:
    if data is None:
        return sections.shown(template, {})
    if data.get("part") == "check":
        return sections.sent(template, data, {})
    section = sections.switched(template, data, {})
    if section.form is not None and not section.is_json and not section.form.is_bound and SWITCH not in data:
        fresh = sections.sent(template, data, {}).form
        assert fresh is not None
        section = sections.shown(template, drop_secrets(template.schema, _entered(fresh, data), lambda *_: True))
    return section


def _entered(form: ParameterForm, data: Any) -> dict[str, Any]:
    """Without what the page had no field for when this was sent: a box that was not there is not one left empty."""
    entered = copy.deepcopy(form.to_parameters())
    if not isinstance(form, JsonParameterForm):
        before = set(data.get("fields", "").split())
        for entry in form.plan.entries:
            if entry.name not in before:
                _remove(entered, entry.path)
    return entered


def _remove(parameters: Any, path: tuple[str, ...]) -> None:
    for key in path[:-1]:
        parameters = parameters.get(key) if isinstance(parameters, dict) else None
    if isinstance(parameters, dict) and path:
        parameters.pop(path[-1], None)


def _path(schema: Any, pointer: str) -> str:
    """A JSON pointer as a path of ours."""
    path = ROOT
    for key in pointer.strip("/").split("/"):
        path = extend(path, int(key) if isinstance(schema, list) and key.isdecimal() else key)
        if isinstance(schema, dict):
            schema = schema.get(key)
        elif isinstance(schema, list):
            schema = schema[int(key)] if key.isdecimal() and int(key) < len(schema) else None
    return path if pointer != "/" else ROOT


def _first_text(request: HttpRequest) -> str:
    key = request.GET.get("template", "")
    row = TemplateVersion.objects.filter(pk=int(key)).first() if key.isdecimal() and len(key) < 19 else None
    return json.dumps(row.schema if row else FIRST, indent=2, ensure_ascii=False)


def _shown(outcome: Outcome) -> dict[str, Any]:
    return {"outcome": outcome, "section": outcome.section, "url": reverse("admin:templates_registry_playground")}


def _page(request: HttpRequest, site_context: dict[str, Any], outcome: Outcome) -> HttpResponse:
    context = {
        **site_context,
        **_shown(outcome),
        "title": "Playground",
        "opts": TemplateVersion._meta,
        "largest": LARGEST // 1024,
    }
    return TemplateResponse(request, "templates_registry/playground.html", context)
