"""What every page of the console knows: where the viewer may go, what they look at, and how the whole system is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.utils import timezone

from accounts import access, focus
from accounts.scopes import Scope
from jobs import maintenance, runtime_flags
from jobs.models import DeadLetter
from jobs.rules.states import LetterState
from notifications.admin.inbox import glance
from scheduler_project.frame import navigation, viewer
from scheduler_project.lib import viewer_zone

MOST_FOLLOWED = 40
MOST_COUNTED = 1_000
CHANGES = (Scope.SCHEDULER_WRITE, Scope.SCHEDULER_RUN, Scope.SCHEDULER_APPROVE)


def of(site: AdminSite, request: HttpRequest) -> dict[str, Any]:
    flag = runtime_flags.scheduler()
    groups = navigation.groups(site, request)
    tenants = viewer.tenants_of(request)
    return {
        "navigation": groups,
        "maintenance": maintenance.current(),
        "switched_off": None if flag.value else flag,
        "live_seen": request.META.get("DAYBOOK_SEEN", ""),
        "live_topics": [f"tenant:{slug}" for slug in _slugs(request)],
        "choosable_tenants": tenants,
        "focused_tenant": next((tenant for tenant in tenants if tenant.pk == focus.tenant_id()), None),
        "open_letters": open_letters(request),
        "bell": glance.of(request),
        "may_create": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE),
        "only_reads": not any(access.may_anywhere(request.user, scope) for scope in CHANGES),
        "mode": mode(),
        **zone_facts(),
    }


def zone_facts() -> dict[str, Any]:
    now: datetime = timezone.now()
    return {"zone_name": viewer_zone.name(), "zone_label": viewer_zone.label(now), "zone_now": viewer_zone.local(now)}


def mode() -> tuple[str, str]:
    """What runs jobs, in a word and in a sentence."""
    if settings.SCHEDULER_USE_CELERY:
        return "Celery", "Runs go through Celery workers."
    return "APScheduler", "APScheduler runs jobs in processes of its own."


def open_letters(request: HttpRequest) -> str:
    """How many dead letters wait, for the badge; empty for none."""
    if not access.may_anywhere(request.user, Scope.SCHEDULER_READ):
        return ""
    waiting = access.visible(DeadLetter.objects.filter(state=LetterState.OPEN), request.user)
    count = waiting[:MOST_COUNTED].count()
    return f"{MOST_COUNTED - 1}+" if count == MOST_COUNTED else str(count or "")


def _slugs(request: HttpRequest) -> list[str]:
    """Of the tenants whose news a page gets by itself; beyond that it reads again from time to time."""
    return list(access.tenants(request.user).order_by("pk").values_list("slug", flat=True)[:MOST_FOLLOWED])
