"""django-celery-beat's own pages under our rules: rows that mirror our jobs are shown and not edited there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django_celery_beat.admin import PeriodicTaskAdmin, PeriodicTaskForm
from django_celery_beat.models import PeriodicTask

from accounts.audited_admin import AuditedAdmin
from jobs.admin.jobs.columns import job_url
from jobs.models import Job
from jobs.rules.states import Origin
from templates_registry import task_functions

# By the link, not by the name: others may call their rows what they like.
SWITCHES = {"enable_tasks": "enabled", "disable_tasks": "disabled", "toggle_tasks": "toggled"}

MIRRORS = Q(daybook_job__origin=Origin.NATIVE)


class LabelledForm(PeriodicTaskForm):  # type: ignore[misc]
    """Names the two controls that the stock form leaves without a label."""

    may_adopt_unlisted = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, field in self.fields.items():
            field.widget.attrs.setdefault("aria-label", str(field.label or name))

    def clean(self) -> Any:
        found = super().clean()
        task = str(found.get("task") or found.get("regtask") or "")
        before = self.instance.task if self.instance.pk else ""
        if task and task != before and not self.may_adopt_unlisted and not task_functions.is_listed(task):
            self.add_error(
                "task",
                f"{task} is not on the list of task functions, and this row would run it. Have an administrator list "
                "it, or give you the permission to save rows with tasks that are not listed.",
            )
        return found


class KindFilter(admin.SimpleListFilter):
    """Mirrors of our jobs show only when asked for."""

    title = "origin"
    parameter_name = "made_by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("daybook", "Daybook (mirrors of jobs)"), ("all", "All")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(MIRRORS) if self.value() == "daybook" else queryset.exclude(MIRRORS)

    def choices(self, changelist: Any) -> Any:
        for place, choice in enumerate(super().choices(changelist)):
            yield {**choice, "display": "Others"} if place == 0 else choice


class BeatRowAdmin(AuditedAdmin, PeriodicTaskAdmin):  # type: ignore[misc]
    audited_as = "beat_row"
    form = LabelledForm
    # The stock template has a script in the page, which the content security policy refuses.
    change_form_template = None
    date_hierarchy = None
    list_display = ("name", "enabled", "scheduler", "task", "last_run_at", "job_link")
    list_filter = (KindFilter, "enabled", "one_off", "task")
    actions = ("enable_tasks", "disable_tasks", "toggle_tasks")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **options)
        form.may_adopt_unlisted = request.user.has_perm("jobs.adopt_unlisted_task")
        return form

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_mirror(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_mirror(obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if not _is_mirror(obj):
            return super().get_fieldsets(request, obj)
        shown = (
            "name",
            "job_link",
            "task",
            "enabled",
            "scheduler",
            "start_time",
            "last_run_at",
            "queue",
            "priority",
        )
        return [(None, {"fields": shown, "description": "This row mirrors a job. Change the job instead."})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(("job_link", "scheduler") if _is_mirror(obj) else ()))

    def get_actions(self, request: HttpRequest) -> Any:
        """The stock actions write without asking for more than the list, mirrors included."""
        actions = super().get_actions(request)
        return {name: _without_mirrors(action) for name, action in actions.items()}

    @admin.display(description="Job")
    def job_link(self, row: Any) -> str | SafeString:
        job = Job.objects.filter(periodic_task_id=row.pk).first() if row.pk else None
        return format_html('<a href="{}">{}</a>', job_url(job.pk), job.name) if job else ""


def _is_mirror(row: Any) -> bool:
    return row is not None and Job.objects.filter(periodic_task_id=row.pk, origin=Origin.NATIVE).exists()


def _without_mirrors(action: Any) -> Any:
    function, name, description = action

    def on_others(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        rows = queryset.exclude(MIRRORS)
        with transaction.atomic():
            if name in SWITCHES:
                model_admin.record_all(SWITCHES[name], request, rows)
            return function(model_admin, request, rows)

    return on_others, name, description


if admin.site.is_registered(PeriodicTask):
    admin.site.unregister(PeriodicTask)
admin.site.register(PeriodicTask, BeatRowAdmin)
