"""Calendars in the admin: the list, the form, and their removal. Everything is written by `jobs.calendars`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import calendars
from jobs.admin.calendars.form import BLANK_ROWS, CalendarForm, Submission, blackout_rows
from jobs.admin.jobs.operations import Caller
from jobs.calendars import CalendarChanged, CalendarInUse, InvalidCalendar
from jobs.calendars.reader import WEEKDAYS
from jobs.ledger import StillCatchingUp
from jobs.models import Calendar
from jobs.rules.zones import zone_names
from scheduler_project.lib import markup

MORE = "_more"
NAMED_JOBS = 20
BUSY = "The scheduler holds a job that names this calendar; nothing was changed. Try again in a moment."


@admin.register(Calendar)
class CalendarAdmin(TenantAdmin[Calendar]):
    list_display = ("calendar", "tenant", "leaves_out", "timezone", "changed")
    list_display_links = None
    list_select_related = ("tenant",)
    search_fields = ("name", "slug")
    ordering = ("name",)
    sortable_by = ("calendar",)
    actions = None
    change_list_template = "jobs/calendars/list.html"

    # --- who may ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)

    def may_write(self, request: HttpRequest, calendar: Calendar) -> bool:
        return access.may(request.user, Scope.SCHEDULER_WRITE, calendar.tenant_id)

    # --- the list ---

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("tenant").prefetch_related("blackouts")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Calendars", **(extra_context or {})})

    @admin.display(description="Calendar", ordering="name")
    def calendar(self, row: Calendar) -> SafeString:
        url = reverse("admin:jobs_calendar_change", args=[row.pk])
        return format_html('<a class="row-link" href="{}">{}</a><br><small class="mono">{}</small>', url, row, row.slug)

    @admin.display(description="Leaves out")
    def leaves_out(self, row: Calendar) -> str:
        return in_words(row)

    @admin.display(description="Changed")
    def changed(self, row: Calendar) -> SafeString:
        at = markup.moment(row.updated_at, now=timezone.now())
        return format_html("{} <small>{}</small>", at, row.updated_by)

    # --- the pages ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:calendar_id>/remove/", view(self.remove_view), name="jobs_calendar_remove"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied("Your role does not allow you to create calendars.")
        return CalendarEditor(request, self.admin_site.each_context(request), None, is_open=True).respond()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        calendar: Calendar = self.get_object(request, object_id)
        is_open = self.may_write(request, calendar)
        return CalendarEditor(request, self.admin_site.each_context(request), calendar, is_open=is_open).respond()

    def remove_view(self, request: HttpRequest, calendar_id: int) -> HttpResponse:
        """Asks before it is done."""
        calendar = self.get_object(request, str(calendar_id))
        if not self.may_write(request, calendar):
            raise PermissionDenied("Your role does not allow you to remove this calendar.")
        if request.method == "POST":
            try:
                calendars.delete(calendar.pk, actor=Caller.of(request).actor)
            except CalendarInUse as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(_url(calendar))
            messages.success(request, f"Removed {calendar.name}.")
            return HttpResponseRedirect(reverse("admin:jobs_calendar_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Remove {calendar.name}?",
            "opts": Calendar._meta,
            "calendar": calendar,
            "jobs": calendars.jobs_of(calendar).order_by("name")[:NAMED_JOBS],
        }
        return TemplateResponse(request, "jobs/calendars/remove.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(_url(self.get_object(request, object_id)))


class CalendarEditor:
    """One request to the form: shown, lengthened by rows, or saved."""

    def __init__(self, request: HttpRequest, site: dict[str, Any], calendar: Calendar | None, *, is_open: bool) -> None:
        self.request = request
        self.site = site
        self.calendar = calendar
        self.is_open = is_open
        self.tenants = access.tenants(request.user, Scope.SCHEDULER_WRITE)

    def respond(self) -> HttpResponse:
        if self.request.method != "POST":
            rows = blackout_rows(None, self.calendar, extra=BLANK_ROWS if self.is_open else 0)
            for field in (field for row in rows for field in row.fields.values()):
                field.disabled = not self.is_open
            return self._page(self._form(None), rows)
        if not self.is_open:
            raise PermissionDenied("Your role does not allow you to change this calendar.")
        data = self.request.POST.copy()
        if MORE in data:
            total = data.get("blackouts-TOTAL_FORMS", "")
            data["blackouts-TOTAL_FORMS"] = str(int(total) + BLANK_ROWS if total.isdecimal() else BLANK_ROWS)
        form, rows = self._form(data), blackout_rows(data, self.calendar)
        if MORE in data:
            return self._page(form, rows, is_judged=False)
        form.is_valid(), rows.is_valid()
        if rows.non_form_errors():
            form.add_error(None, rows.non_form_errors())
            return self._page(form, rows)
        saved = self._save(Submission(form, rows))
        return self._page(form, rows) if saved is None else HttpResponseRedirect(_url(saved))

    def _save(self, given: Submission) -> Calendar | None:
        data = given.to_data()
        if not given.is_sound:
            return None
        try:
            saved = self._store(given.form, data)
        except InvalidCalendar as error:
            given.apply_problems(error.fields)
        except (CalendarChanged, StillCatchingUp) as error:
            given.form.add_error(None, str(error))
        except DatabaseError:
            given.form.add_error(None, BUSY)
        else:
            messages.success(self.request, f"{'Changed' if self.calendar else 'Created'} {saved.name}.")
            return saved
        return None

    def _store(self, form: CalendarForm, data: dict[str, Any]) -> Calendar:
        actor = Caller.of(self.request).actor
        if self.calendar is not None:
            seen = _instant(form.cleaned_data.get("expected_updated_at", ""))
            return calendars.change(self.calendar.pk, data, actor=actor, expected_updated_at=seen)
        tenant = form.cleaned_data.get("tenant") or self.tenants.first()
        if tenant is None:
            raise PermissionDenied("You may not create calendars in any tenant.")
        return calendars.create(data, tenant=tenant, actor=actor)

    def _form(self, data: Any) -> CalendarForm:
        return CalendarForm(data, calendar=self.calendar, tenants=self.tenants, is_open=self.is_open)

    def _page(self, form: CalendarForm, rows: Any, *, is_judged: bool = True) -> HttpResponse:
        calendar = self.calendar
        named = calendars.jobs_of(calendar) if calendar else None
        context = {
            **self.site,
            "title": (f"Edit {calendar.name}" if self.is_open else calendar.name) if calendar else "New calendar",
            "opts": Calendar._meta,
            "calendar": calendar,
            "form": form,
            "rows": rows,
            "is_open": self.is_open,
            "is_judged": is_judged and form.is_bound,
            "errors": _summary(form, rows) if is_judged and form.is_bound else [],
            "asks_tenant": "tenant" in form.fields and self.tenants.count() > 1,
            "zones": sorted(zone_names()),
            "jobs": named.order_by("name")[:NAMED_JOBS] if named is not None else [],
            "job_count": named.count() if named is not None else 0,
        }
        return TemplateResponse(self.request, "jobs/calendars/form.html", context)


def in_words(calendar: Calendar) -> str:
    """`Saturday, Sunday; 12 holidays; 1 blackout`."""
    off = [
        day.capitalize() for number, day in enumerate(WEEKDAYS) if calendar.weekdays and number not in calendar.weekdays
    ]
    counts = ((len(calendar.holidays), "holiday"), (len(calendar.blackouts.all()), "blackout"))
    parts = [", ".join(off), *(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts if count)]
    return "; ".join(part for part in parts if part) or "nothing"


def _summary(form: CalendarForm, rows: Any) -> list[tuple[str, str, str]]:
    """(id of the control, label, message) for each error, in the order of the page."""
    found = [("", "", str(message)) for message in form.non_field_errors()]
    for one in (form, *rows):
        found += [
            (f"{bound.auto_id}_0" if bound.use_fieldset else bound.id_for_label, str(bound.label), str(message))
            for bound in one
            for message in bound.errors
        ]
    return found


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _url(calendar: Calendar) -> str:
    return reverse("admin:jobs_calendar_change", args=[calendar.pk])
