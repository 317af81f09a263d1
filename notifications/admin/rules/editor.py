"""The page of a rule: a new one, a stored one, the default of a tenant. With a preview of what is entered."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs.models import Job
from jobs.rules.zones import zone_names
from notifications.admin import frame
from notifications.admin.rules import finding, preview
from notifications.admin.rules.finding import Found
from notifications.admin.rules.form import RuleForm
from notifications.models import Rule
from notifications.rulebook import changes
from notifications.rulebook.changes import BUILT_IN, RuleChanged, TooManyRules
from notifications.rulebook.reader import InvalidRule, RuleInput, read
from scheduler_project.lib.input import number_of

PREVIEW = "_preview"


def add(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Of a job that `job` names, a rule of it."""
    job = _named_job(request)
    slug = job.tenant.slug if job else request.GET.get("tenant", "")
    tenant = finding.tenant_of(request, slug, Scope.SCHEDULER_WRITE)
    shown = RuleInput(job=job.pk, name=f"{job.name}"[:100]) if job else RuleInput()
    return _respond(site, request, Found(tenant, shown))


def edit(site: AdminSite, request: HttpRequest, rule_id: int) -> HttpResponse:
    return _respond(site, request, finding.by_id(request, rule_id))


def edit_default(site: AdminSite, request: HttpRequest, tenant: str) -> HttpResponse:
    return _respond(site, request, finding.default_of(request, tenant))


def show_preview(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """The part of the page alone, of what is entered by now."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    tenant = finding.tenant_of(request, request.GET.get("tenant", ""))
    found = Found(tenant, RuleInput(), is_default="default" in request.GET)
    return TemplateResponse(
        request, "notifications/rules/preview.html", preview.of(request, _form(request, found), found)
    )


def _respond(site: AdminSite, request: HttpRequest, found: Found) -> HttpResponse:
    form = _form(request, found)
    shown: dict[str, Any] | None = None
    if request.method == "POST" and PREVIEW in request.POST:
        shown = preview.of(request, form, found)
    elif request.method == "POST":
        finding.require_write(request, found.tenant)
        if not form.is_valid():
            _judge(request, form, found)
        elif (saved := _save(request, form, found)) is not None:
            verb = "Created" if found.is_new else "Changed"
            messages.success(request, f"{verb} {saved.name}. It holds for what happens from now on.")
            return HttpResponseRedirect(reverse("admin:notification_rules"))
    return _page(site, request, form, found, shown)


def _save(request: HttpRequest, form: RuleForm, found: Found) -> Rule | None:
    by, data = finding.editor_of(request), form.to_data()
    try:
        if found.is_new:
            return changes.create(data, tenant=found.tenant, by=by)
        seen = _instant(form.cleaned_data.get("expected_updated_at", ""))
        if found.row is None or found.is_default:
            return changes.change_default(data, tenant=found.tenant, by=by, expected=seen or BUILT_IN)
        return changes.change(found.row.pk, data, by=by, expected_updated_at=seen)
    except InvalidRule as error:
        form.take(error.fields)
    except (RuleChanged, TooManyRules) as error:
        form.add_error(None, str(error))
    return None


def _judge(request: HttpRequest, form: RuleForm, found: Found) -> None:
    """With what could not be converted, all else that is wrong is told too."""
    try:
        read(form.to_data(), preview.writer_of(request, found), current=found.shown)
    except InvalidRule as error:
        form.take(error.fields)


def _form(request: HttpRequest, found: Found) -> RuleForm:
    data = request.POST if request.method == "POST" else None
    asks_system = access.is_superuser(request.user)
    form = RuleForm(data, rule=found.shown, tenant=found.tenant, version=found.version, asks_system=asks_system)
    if found.is_default:
        form.leave_out("job", "tag")
    return form


def _page(
    site: AdminSite, request: HttpRequest, form: RuleForm, found: Found, shown: dict[str, Any] | None
) -> HttpResponse:
    is_open = finding.may_write(request, found.tenant)
    if not is_open:
        form.close()
    title = "New rule" if found.is_new else found.shown.name
    errors = [] if shown is not None or not form.is_bound else _errors(form)
    context = {
        **frame.context(site, request, "Rules", title=title),
        "parent": True,
        "found": found,
        "form": form,
        "is_open": is_open,
        "errors": errors,
        "names_tenant": access.tenants(request.user)[:2].count() > 1,
        "zones": sorted(zone_names()),
        "preview": shown or (None if is_open else preview.of_stored(found)),
        "preview_url": _preview_url(found),
    }
    return TemplateResponse(request, "notifications/rules/editor.html", context)


def _errors(form: RuleForm) -> list[tuple[str, str, str]]:
    """(id of the control, label, message) for each error, in the order of the page."""
    found = [("", "", str(message)) for message in form.non_field_errors()]
    return found + [
        (f"{bound.auto_id}_0" if bound.use_fieldset else bound.id_for_label, str(bound.label), str(message))
        for bound in form
        for message in bound.errors
    ]


def _preview_url(found: Found) -> str:
    url = reverse("admin:notification_rule_preview")
    return f"{url}?tenant={found.tenant.slug}{'&default=1' if found.is_default else ''}"


def _named_job(request: HttpRequest) -> Job | None:
    number = number_of(request.GET.get("job", ""))
    rows = access.visible(Job.objects.select_related("tenant"), request.user, Scope.SCHEDULER_WRITE)
    return rows.filter(pk=number).first() if number is not None else None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
