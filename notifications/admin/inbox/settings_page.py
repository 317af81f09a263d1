"""What a person wants of notifications: the page of their settings, and the muting of one job from a list."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from jobs.admin.jobs.operations import Caller
from jobs.rules.zones import zone_names
from notifications.admin import frame
from notifications.admin.inbox import settings_form, viewers
from notifications.admin.inbox.settings_form import SettingsForm
from notifications.admin.inbox.way_back import way_back
from notifications.rulebook import preferences
from notifications.rulebook.preferences import InvalidPreferences
from scheduler_project.lib import viewer_zone
from scheduler_project.lib.input import number_of


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    viewers.reader(request)
    user: Any = request.user
    data = request.POST if request.method == "POST" else None
    form = SettingsForm(data, user, preferences.of_user(user.pk), viewer_zone.name())
    if data is not None and form.is_valid():
        try:
            actor = Caller.of(request).actor
            preferences.change(user, form.data_of(), actor=actor, mute=form.to_mute, unmute=form.to_unmute)
        except InvalidPreferences as error:
            form.take(error.fields)
        else:
            messages.success(request, "Your settings are saved.")
            return HttpResponseRedirect(reverse("admin:notification_settings"))
    context = {
        **frame.context(site, request, "My settings"),
        "form": form,
        "errors": _errors(form),
        "zones": sorted(zone_names()),
        "job_names": settings_form.job_names(user),
    }
    return TemplateResponse(request, "notifications/inbox/settings.html", context)


def mute(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """`mute` or `unmute` is the job."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    viewers.reader(request)
    user: Any = request.user
    is_muted = "mute" in request.POST
    job_id = number_of(request.POST.get("mute" if is_muted else "unmute", ""))
    try:
        preferences.mute(user, job_id or 0, actor=Caller.of(request).actor, is_muted=is_muted)
    except InvalidPreferences as error:
        messages.error(request, " ".join(message for found in error.fields.values() for message in found))
    else:
        messages.success(request, f"You hear {'nothing of this job any more' if is_muted else 'of this job again'}.")
    return way_back(request, otherwise="notification_settings")


def _errors(form: SettingsForm) -> list[tuple[str, str, str]]:
    """Where each is, under which label, and what it is."""
    found = []
    for name, problems in form.errors.items():
        bound = form[name] if name in form.fields else None
        place, label = (bound.id_for_label, str(bound.label)) if bound else ("", "")
        found += [(place, label, str(problem)) for problem in problems]
    return found
