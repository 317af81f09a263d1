"""System checks: what keeps workers from enforcing limits, or from hearing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from jobs.execution import pools, releases


@register(Tags.compatibility)
def check_pool(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    pool = getattr(settings, "CELERY_WORKER_POOL", pools.ALLOWED)
    return [
        Error(text, hint="Remove CELERY_WORKER_POOL from the settings.", id="daybook.E201")
        for text in pools.refusals(pool)
    ]


@register(Tags.compatibility)
def check_releases(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[CheckMessage]:
    return [Error(text, id="daybook.E202") for text in releases.refusals()]
