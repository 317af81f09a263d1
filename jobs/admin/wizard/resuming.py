"""The drafts that somebody may go on with, for the pages that offer it."""

from __future__ import annotations

from django.http import HttpRequest

from accounts import access
from accounts.scopes import Scope
from jobs import drafts
from jobs.models import JobDraft

MOST_SHOWN = 3


def resumable(request: HttpRequest) -> list[JobDraft]:
    """The newest first."""
    if request.user.pk is None or not access.may_anywhere(request.user, Scope.SCHEDULER_WRITE):
        return []
    within_reach = access.tenants(request.user, Scope.SCHEDULER_WRITE)
    mine = drafts.of(request.user.pk).filter(tenant__in=within_reach).select_related("template")
    return list(mine.order_by("-updated_at")[:MOST_SHOWN])
