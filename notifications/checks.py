"""System checks: services of apprise that are listed and cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from scheduler_project.settings.environment import VARIABLES

NAME = "DAYBOOK_APPRISE_SCHEMES"


@register(Tags.security)
def check_services(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    """Those that are listed by default are known to be fine; nothing is loaded for them."""
    added = [name for name in settings.DAYBOOK_APPRISE_SCHEMES if name not in VARIABLES[NAME].default]
    if not added:
        return []
    from notifications.channels.apprise import refusal_of

    problems = [problem for name in added if (problem := refusal_of(name))]
    return [Error(problem, hint=f"Take it out of {NAME}.", id="daybook.E401") for problem in problems]
