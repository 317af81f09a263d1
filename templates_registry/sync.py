"""Writes what the code says about each template into its row. The code is the truth; the rows follow it."""

from __future__ import annotations

import hashlib
import inspect
from datetime import datetime
from typing import Any

from django.db import connections, router, transaction
from django.utils import timezone

from scheduler_project.lib import telemetry
from templates_registry import registry
from templates_registry.base import JobTemplate
from templates_registry.job_types import SEEDS
from templates_registry.models import JobType, TemplateVersion

COPIED = [
    "title",
    "category",
    "description",
    "is_destructive",
    "supports_dry_run",
    "is_idempotent",
    "requires_approval",
    "min_interval",
    "timeout",
    "soft_timeout",
    "max_retries",
    "on_lost",
]


def after_migrate(using: str, **_: Any) -> None:
    """Receiver of `post_migrate`: sync, where the table lives and exists (a migration back to zero drops it)."""
    if not router.allow_migrate_model(using, TemplateVersion):
        return
    if TemplateVersion._meta.db_table in connections[using].introspection.table_names():
        sync(registry.all_templates(), now=timezone.now(), using=using)
        _seed_job_types(using)


def _seed_job_types(using: str) -> None:
    """Those that the product needs, where they are missing. What administrators have changed of them stays."""
    if JobType._meta.db_table in connections[using].introspection.table_names():
        for row in SEEDS:
            JobType.objects.using(using).get_or_create(name=row["name"], defaults={**row, "is_builtin": True})


def sync(templates: list[type[JobTemplate]], *, now: datetime, using: str = "default") -> None:
    """Upsert one row per template and mark the rows whose code is gone. Again changes nothing but `synced_at`."""
    rows = [_row(template, now) for template in templates]
    with transaction.atomic(using=using):
        stored = {(row.name, row.version): row for row in TemplateVersion.objects.using(using).select_for_update()}
        TemplateVersion.objects.using(using).bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["name", "version"],
            update_fields=[*COPIED, "schema", "source_hash", "is_available", "synced_at"],
        )
        gone = [row.pk for key, row in stored.items() if key not in {(new.name, new.version) for new in rows}]
        TemplateVersion.objects.using(using).filter(pk__in=gone, is_available=True).update(
            is_available=False, synced_at=now
        )
    for row in rows:
        before = stored.get((row.name, row.version))
        if before is not None and before.schema != row.schema:
            # Jobs were saved under the old schema; a new version would have kept them apart.
            telemetry.emit("template.schema_changed", template=row.name, version=row.version)


def find_template_version(name: str, version: int | None = None) -> TemplateVersion | None:
    """The row of a template: the version named, or the newest that the code still has."""
    rows = TemplateVersion.objects.filter(name=name)
    if version is not None:
        return rows.filter(version=version).first()
    return rows.filter(is_available=True).order_by("-version").first()


def _row(template: type[JobTemplate], now: datetime) -> TemplateVersion:
    return TemplateVersion(
        name=template.name,
        version=template.version,
        schema=template.schema(),
        source_hash=_source_hash(template),
        is_available=True,
        synced_at=now,
        **{field: getattr(template, field) for field in COPIED},
    )


def _source_hash(template: type[JobTemplate]) -> str:
    try:
        source = inspect.getsource(template)
    except (OSError, TypeError):  # made by a function or without its source file
        source = f"{template.__module__}.{template.__qualname__}"
    return hashlib.sha256(source.encode()).hexdigest()
