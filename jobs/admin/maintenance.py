"""Maintenance in the admin: the windows there were, and for superusers the buttons that open and close one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import access
from accounts.tenant_admin import ReadOnlyAdmin
from jobs import maintenance
from jobs.admin.editor.fields import LocalTimeField
from jobs.admin.jobs.operations import Caller
from jobs.maintenance import InvalidMaintenance, MaintenanceIsOpen, NoMaintenance
from jobs.models import Maintenance
from scheduler_project.lib import markup


class MaintenanceForm(forms.Form):
    use_required_attribute = False

    note = forms.CharField(
        label="Why", help_text="Everybody whose jobs do not run reads it.", required=False,
        widget=forms.TextInput(attrs={"maxlength": maintenance.MOST_NOTE, "autocomplete": "off"}),
    )  # fmt: skip
    until = LocalTimeField(
        label="Until (UTC)", help_text="Ends by itself then. Empty: until somebody ends it.", required=False
    )

    def clean_until(self) -> datetime | None:
        wall: datetime | None = self.cleaned_data["until"]
        return None if wall is None else wall.replace(tzinfo=UTC)


@admin.register(Maintenance)
class MaintenanceAdmin(ReadOnlyAdmin[Maintenance]):
    list_display = ("started", "why", "who", "planned_end", "end", "ended_by")
    list_display_links = None
    sortable_by = ()
    actions = None
    ordering = ("-started_at",)
    change_list_template = "jobs/maintenance_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("start/", view(self.start_view), name="jobs_maintenance_start"),
            path("end/", view(self.end_view), name="jobs_maintenance_end"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "title": "Maintenance",
            "is_superuser": access.is_superuser(request.user),
            "form": MaintenanceForm(label_suffix=""),
        }
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A window has no page of its own."""
        return _back()

    def start_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._require_superuser(request)
        form = MaintenanceForm(request.POST, label_suffix="")
        if form.is_valid():
            try:
                maintenance.start(actor=Caller.of(request).actor, **form.cleaned_data)
            except InvalidMaintenance as error:
                for name, texts in error.fields.items():
                    form.add_error(name, texts)
            except MaintenanceIsOpen as error:
                messages.error(request, str(error))
                return _back()
            else:
                messages.success(request, "All jobs are held back.")
                return _back()
        return self.changelist_view(request, {"form": form})

    def end_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self._require_superuser(request)
        try:
            maintenance.end(actor=Caller.of(request).actor)
        except NoMaintenance as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "Maintenance is over; jobs run again.")
        return _back()

    def _require_superuser(self, request: HttpRequest) -> None:
        if not access.is_superuser(request.user):
            raise PermissionDenied("Maintenance holds every tenant's jobs back, so only superusers start and end it.")

    # --- the columns ---

    @admin.display(description="Began")
    def started(self, row: Maintenance) -> str | SafeString:
        return markup.moment(row.started_at, now=timezone.now())

    @admin.display(description="Why")
    def why(self, row: Maintenance) -> str:
        return row.note

    @admin.display(description="By")
    def who(self, row: Maintenance) -> str:
        return row.started_by

    @admin.display(description="Planned end")
    def planned_end(self, row: Maintenance) -> str | SafeString:
        return markup.instant(row.until, now=timezone.now(), seconds=False)

    @admin.display(description="Ended")
    def end(self, row: Maintenance) -> str | SafeString:
        return markup.moment(row.ended_at, now=timezone.now())


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:jobs_maintenance_changelist"))
