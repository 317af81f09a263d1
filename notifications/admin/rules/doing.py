"""What is done to a rule by a button: switched on and off, removed, the default put back."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from notifications.admin import frame
from notifications.admin.rules import finding
from notifications.admin.rules.finding import Found
from notifications.rulebook import changes
from notifications.rulebook.reader import InvalidRule


def switch(site: AdminSite, request: HttpRequest, rule_id: int) -> HttpResponse:
    return _switch(request, finding.by_id(request, rule_id))


def switch_default(site: AdminSite, request: HttpRequest, tenant: str) -> HttpResponse:
    return _switch(request, finding.default_of(request, tenant))


def remove(site: AdminSite, request: HttpRequest, rule_id: int) -> HttpResponse:
    return _remove(site, request, finding.by_id(request, rule_id))


def remove_default(site: AdminSite, request: HttpRequest, tenant: str) -> HttpResponse:
    return _remove(site, request, finding.default_of(request, tenant))


def _switch(request: HttpRequest, found: Found) -> HttpResponse:
    """To what the button said, whatever it has been since."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    finding.require_write(request, found.tenant)
    data, by = {"enabled": request.POST.get("enabled") == "1"}, finding.editor_of(request)
    try:
        if found.row is None:
            changes.change_default(data, tenant=found.tenant, by=by)
        else:
            changes.change(found.row.pk, data, by=by)
    except InvalidRule as error:
        messages.error(request, " ".join(text for texts in error.fields.values() for text in texts))
    else:
        state = "on" if data["enabled"] else "off: nothing is told by it"
        messages.success(request, f"Switched {found.shown.name} {state}.")
    return HttpResponseRedirect(reverse("admin:notification_rules"))


def _remove(site: AdminSite, request: HttpRequest, found: Found) -> HttpResponse:
    """Asks before it is done."""
    finding.require_write(request, found.tenant)
    if request.method == "POST":
        by = finding.editor_of(request)
        if found.is_default:
            changes.put_back_default(tenant=found.tenant, by=by)
            messages.success(request, "The default rule is as it came.")
        elif found.row is not None:
            changes.delete(found.row.pk, by=by)
            messages.success(request, f"Removed {found.shown.name}.")
        return HttpResponseRedirect(reverse("admin:notification_rules"))
    title = "Put the default rule back?" if found.is_default else f"Remove {found.shown.name}?"
    context = {**frame.context(site, request, "Rules", title=title), "parent": True, "found": found}
    return TemplateResponse(request, "notifications/rules/remove.html", context)
