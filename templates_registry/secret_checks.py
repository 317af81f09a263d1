"""System checks: templates whose parameters are secrets, and whether there is a key to encrypt them with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, register

from accounts.sealing import KeysUnavailable, providers
from templates_registry import registry, schema


@register("templates")
def check_keys(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """In production, nothing starts that could not store what its templates ask for."""
    if not getattr(settings, "DAYBOOK_NEEDS_KEYS", False) or not (named := ", ".join(_names())):
        return []
    try:
        providers.active()
    except KeysUnavailable as error:
        hint = "Set DAYBOOK_ENCRYPTION_KEYS, or another key provider: docs/secrets.md."
        return [Error(f"{error} These templates have secrets: {named}.", hint=hint, id="daybook.E110")]
    return []


@register("templates", deploy=True)
def list_secrets(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [
        Info(f"Template {template.name} {template.version} has secrets: {', '.join(paths)}.", id="daybook.I110")
        for template in registry.registry.all_templates()
        if (paths := schema.secret_paths(template.schema()))
    ]


def _names() -> Iterator[str]:
    for template in registry.registry.all_templates():
        if schema.secret_paths(template.schema()):
            yield f"{template.name} {template.version}"
