"""System checks: what is wrong with the templates of this process, before one of them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register  # noqa: A004
from django.db import models

from templates_registry import registry
from templates_registry.allowed_models import find_field, find_model, is_date_field
from templates_registry.base import JobTemplate
from templates_registry.forms import raw_parts
from templates_registry.registry import Problem, Registry
from templates_registry.schema import check_schema

PROBLEMS: dict[str, Callable[[Problem], CheckMessage]] = {
    "import": lambda problem: Error(
        f"The module {problem.where} could not be imported: {problem.text}",
        hint="Its templates are missing until this is mended.",
        id="daybook.E101",
    ),
    "duplicate": lambda problem: Error(
        problem.text, hint="Give one of them another name, or the next version.", id="daybook.E102"
    ),
    "unregistered": lambda problem: Warning(
        problem.text, hint="Decorate it with @register, or give it no `name` when it is a base.", id="daybook.W101"
    ),
}


@register("templates")
def check_templates(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return list(find_messages(registry.registry))


@register("templates")
def check_allow_lists(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    cleanup = {label: [field] for label, field in settings.DAYBOOK_CLEANUP_MODELS.items()}
    return [
        *_check_allow_list("DAYBOOK_CLEANUP_MODELS", cleanup, needs_date=True),
        *_check_allow_list("DAYBOOK_EXPORT_MODELS", settings.DAYBOOK_EXPORT_MODELS, needs_date=False),
    ]


@register("templates", deploy=True)
def check_forms(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [message for template in registry.registry.all_templates() for message in parts_as_json(template)]


def find_messages(of: Registry) -> Iterator[CheckMessage]:
    for problem in of.problems:
        yield PROBLEMS[problem.kind](problem)
    for template in of.all_templates():
        yield from check_template(template)


def check_template(template: type[JobTemplate]) -> Iterator[CheckMessage]:
    name = f"Template {template.name} {template.version}"
    for problem in check_schema(template.schema()):
        yield Error(
            f"{name}: {problem}",
            hint="docs/templates.md lists what a schema may contain.",
            obj=template,
            id="daybook.E103",
        )
    if template.schema().get("type") == "object" and "additionalProperties" not in template.schema():
        yield Warning(
            f"{name} accepts parameters that its schema does not know.",
            hint='Add "additionalProperties": False, so that a mistyped name is noticed.',
            obj=template,
            id="daybook.W103",
        )
    if template.supports_dry_run and template.dry_run is JobTemplate.dry_run:
        yield Error(
            f"{name} promises a dry run that it does not implement.",
            hint="Implement dry_run(), or set supports_dry_run = False.",
            obj=template,
            id="daybook.E104",
        )
    if not template.supports_dry_run and template.dry_run is not JobTemplate.dry_run:
        yield Warning(
            f"{name} implements a dry run that nobody is offered.",
            hint="Set supports_dry_run = True.",
            obj=template,
            id="daybook.W102",
        )
    if template.run is JobTemplate.run:
        yield Error(f"{name} does not implement run().", obj=template, id="daybook.E105")
    for problem in _attributes(template):
        yield Error(f"{name}: {problem}", obj=template, id="daybook.E106")


def parts_as_json(template: type[JobTemplate]) -> Iterator[CheckMessage]:
    """What has no control of its own in the form."""
    if check_schema(template.schema()) or not template.schema().get("properties"):
        return
    for place, why in raw_parts(template.schema()):
        yield Info(
            f"Template {template.name} {template.version} has a parameter that operators write as JSON: "
            f"{place.removeprefix('parameters.')} ({why}).",
            hint="docs/templates.md lists what has a control of its own.",
            obj=template,
            id="daybook.I101",
        )


def _attributes(template: type[JobTemplate]) -> Iterator[str]:
    for attribute, longest in (("title", 200), ("category", 100), ("description", 10_000)):
        value = getattr(template, attribute)
        if not isinstance(value, str) or len(value) > longest or (attribute != "description" and not value.strip()):
            yield f"{attribute} must be text of at most {longest} characters" + (
                "." if attribute == "description" else ", and not empty."
            )
    for attribute in ("is_destructive", "supports_dry_run", "is_idempotent", "requires_approval"):
        if not isinstance(getattr(template, attribute), bool):
            yield f"{attribute} must be True or False."
    yield from _times(template)
    if not isinstance(template.max_retries, int) or not 0 <= template.max_retries <= 100:
        yield "max_retries must be a whole number from 0 to 100."
    if template.on_lost not in ("retry", "fail"):
        yield 'on_lost must be "retry" or "fail".'
    for attribute in ("retry_on", "never_retry_on"):
        kinds = getattr(template, attribute)
        if not isinstance(kinds, tuple) or not all(
            isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds
        ):
            yield f"{attribute} must be a tuple of exception classes."


def _times(template: type[JobTemplate]) -> Iterator[str]:
    zero, timeout, soft = timedelta(0), template.timeout, template.soft_timeout
    if not isinstance(timeout, timedelta) or timeout <= zero:
        yield "timeout must be a timedelta greater than zero."
    elif soft is not None and (not isinstance(soft, timedelta) or not zero < soft < timeout):
        yield "soft_timeout must be None, or a timedelta between zero and timeout."
    if not isinstance(template.min_interval, timedelta) or template.min_interval < zero:
        yield "min_interval must be a timedelta, and not negative."


def _check_allow_list(setting: str, allowed: dict[str, list[str]], *, needs_date: bool) -> Iterator[CheckMessage]:
    for label, names in allowed.items():
        model = find_model(label)
        if model is None:
            yield Error(
                f"{setting} names the model {label}, which does not exist.",
                hint='Write "app_label.ModelName" of an installed app.',
                id="daybook.E107",
            )
            continue
        for name in names:
            field = find_field(model, name)
            if field is None or (needs_date and not is_date_field(field)):
                yield Error(
                    f"{setting} names {label}.{name}, which is no {'date ' if needs_date else ''}column of the model.",
                    hint="Write the name of a field of the model itself; relations are not followed.",
                    id="daybook.E108",
                )
        if find_field(model, "tenant") is None and _belongs_to_tenants(model):
            yield Error(
                f"{setting} names {label}, whose rows belong to tenants only through another model.",
                hint="Each tenant's jobs would reach the rows of all. Name models that have a field `tenant`.",
                id="daybook.E109",
            )


def _belongs_to_tenants(model: type[models.Model], depth: int = 2) -> bool:
    related = [field.related_model for field in model._meta.concrete_fields if field.related_model is not None]
    return any(
        isinstance(other, type)
        and (find_field(other, "tenant") is not None or (depth > 1 and _belongs_to_tenants(other, depth - 1)))
        for other in related
    )
