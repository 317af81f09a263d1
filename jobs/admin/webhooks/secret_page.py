"""What the pages of webhooks and event hooks share: the secret that is shown once, and how soon a former one ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

OVERLAPS = {"none": timedelta(), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def respond(request: HttpRequest, context: dict[str, Any], *, name: str, secret: str, back: str) -> HttpResponse:
    """Answers the very POST that made the secret, so that no address leads to it."""
    shown = {**context, "title": f"The secret of {name}", "name": name, "secret": secret, "back": back}
    return TemplateResponse(request, "jobs/webhooks/secret_shown.html", shown)


def overlap(request: HttpRequest) -> timedelta:
    return OVERLAPS.get(request.POST.get("overlap", ""), timedelta())


def summary(form: Form) -> list[tuple[str, str, str]]:
    """(id of the control, label, message) for each error, in the order of the page."""
    found = [("", "", str(message)) for message in form.non_field_errors()]
    return found + [
        (f"{bound.auto_id}_0" if bound.use_fieldset else bound.id_for_label, str(bound.label), str(message))
        for bound in form
        for message in bound.errors
    ]
