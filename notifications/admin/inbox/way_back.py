"""Leads back to the page that a form stood in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from notifications.inbox import paths


def way_back(request: HttpRequest, *, otherwise: str) -> HttpResponseRedirect:
    """To `next`; `otherwise` is the name of the page for who names none of ours."""
    back = request.POST.get("next", "")
    return HttpResponseRedirect(back if paths.is_ours(back) else reverse(f"admin:{otherwise}"))
