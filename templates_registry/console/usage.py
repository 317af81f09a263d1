"""Which jobs use a template, as far as the viewer may see jobs."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest

from accounts import access
from templates_registry.models import TemplateVersion

MOST_JOBS = 50


def _mine(request: HttpRequest, prefix: str = "") -> Q:
    mine = Q(**{f"{prefix}archived_at": None})
    if not access.is_superuser(request.user):
        mine &= Q(**{f"{prefix}tenant__in": access.tenants(request.user).values("pk")})
    return mine


def count_by_version(request: HttpRequest, **narrowed: Any) -> dict[tuple[str, int], int]:
    """How many jobs each version has, by name and version."""
    rows = TemplateVersion.objects.filter(**narrowed).order_by()
    counted = rows.annotate(uses=Count("jobs", filter=_mine(request, "jobs__"))).values_list("name", "version", "uses")
    return {(name, version): uses for name, version, uses in counted}


def jobs_of(request: HttpRequest, name: str) -> list[Any]:
    """The first jobs of a template, those of the oldest versions before the others."""
    jobs: Any = TemplateVersion._meta.get_field("jobs").related_model
    found = jobs.objects.filter(_mine(request), template__name=name).select_related("template", "tenant")
    return list(found.order_by("template__version", "name", "pk")[:MOST_JOBS])
