"""Event hooks in the admin: part of the page of their job, and a page each with its calls. Written by `jobs.hooks`."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import hooks
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import Caller
from jobs.admin.webhooks import secret_page
from jobs.admin.webhooks.forms import EventHookForm
from jobs.executions import JobIsArchived
from jobs.hooks import InvalidHook, TooManyHooks
from jobs.models import EventHook, Job
from scheduler_project.lib import signatures

SHOWN = 50
CURL = """\
body='{body}'
t=$(date +%s)
signature=$(printf '%s.%s' "$t" "$body" | openssl dgst -sha256 -hmac "$SECRET" | sed 's/^.* //')
curl --data-binary "$body" -H 'Content-Type: application/json' \\
  -H "{header}: t=$t,v1=$signature" {url}"""


@admin.register(EventHook)
class EventHookAdmin(TenantAdmin[EventHook]):
    list_display = ("name", "job")
    list_select_related = ("job",)

    def may_write(self, request: HttpRequest, row: EventHook | Job) -> bool:
        return access.may(request.user, Scope.SCHEDULER_WRITE, row.tenant_id)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("job__template", "tenant")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("of/<int:job_id>/", view(self.new_view), name="jobs_eventhook_new"),
            path("<int:hook_id>/rotate/", view(self.rotate_view), name="jobs_eventhook_rotate"),
            path("<int:hook_id>/remove/", view(self.remove_view), name="jobs_eventhook_remove"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """They are found at their jobs."""
        return HttpResponseRedirect(reverse("admin:jobs_job_changelist"))

    def new_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        job = Job.objects.select_related("template").filter(pk=job_id).first()
        if job is None:
            raise Http404(f"There is no job {job_id}.")
        self._require(request, job, "create event hooks of this job")
        form = EventHookForm(request.POST or None, hook=None, job=job)
        if request.method == "POST" and form.is_valid():
            try:
                made, secret = hooks.create(job.pk, form.to_data(), actor=Caller.of(request).actor)
            except InvalidHook as error:
                form.take(error.fields)
            except (JobIsArchived, TooManyHooks) as error:
                form.add_error(None, str(error))
            else:
                return self._show_secret(request, made, secret)
        return self._page(request, form, job, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        hook = self.get_object(request, object_id)
        form = EventHookForm(request.POST or None, hook=hook, job=hook.job)
        if request.method == "POST":
            self._require(request, hook, "change it")
            if form.is_valid():
                try:
                    hooks.change(hook.pk, form.to_data(), actor=Caller.of(request).actor)
                except InvalidHook as error:
                    form.take(error.fields)
                else:
                    messages.success(request, f"Changed {hook.name}.")
                    return HttpResponseRedirect(hook_url(hook.pk))
        return self._page(request, form, hook.job, hook)

    def rotate_view(self, request: HttpRequest, hook_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        hook = self.get_object(request, str(hook_id))
        self._require(request, hook, "rotate its secret")
        overlap = secret_page.overlap(request)
        return self._show_secret(request, *hooks.rotate(hook.pk, actor=Caller.of(request).actor, overlap=overlap))

    def remove_view(self, request: HttpRequest, hook_id: int) -> HttpResponse:
        """Asks before it is done."""
        hook = self.get_object(request, str(hook_id))
        self._require(request, hook, "remove it")
        if request.method == "POST":
            hooks.delete(hook.pk, actor=Caller.of(request).actor)
            messages.success(request, f"Removed {hook.name}.")
            return HttpResponseRedirect(f"{job_url(hook.job_id)}#event-hooks")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Remove {hook.name}?",
            "opts": EventHook._meta,
            "hook": hook,
        }
        return TemplateResponse(request, "jobs/webhooks/event_hook_remove.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(hook_url(self.get_object(request, object_id).pk))

    def _page(self, request: HttpRequest, form: EventHookForm, job: Job, hook: EventHook | None) -> HttpResponse:
        is_open = self.may_write(request, job)
        if not is_open:
            form.close()
        context = {
            **self.admin_site.each_context(request),
            "title": hook.name if hook else "New event hook",
            "opts": EventHook._meta,
            "hook": hook,
            "job": job,
            "form": form,
            "is_open": is_open,
            "errors": secret_page.summary(form) if form.is_bound else [],
            "calls": hook.calls.order_by("-id")[:SHOWN] if hook else (),
            "address": address(request, hook) if hook else "",
            "example": example(request, hook) if hook else "",
        }
        return TemplateResponse(request, "jobs/webhooks/event_hook_page.html", context)

    def _show_secret(self, request: HttpRequest, hook: EventHook, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": EventHook._meta,
            "list_url": "admin:jobs_job_changelist",
            "address": address(request, hook),
            "example": example(request, hook),
        }
        return secret_page.respond(request, context, name=hook.name, secret=secret, back=hook_url(hook.pk))

    def _require(self, request: HttpRequest, row: EventHook | Job, verb: str) -> None:
        if not self.may_write(request, row):
            raise PermissionDenied(f"Your role does not allow you to {verb}.")


def address(request: HttpRequest, hook: EventHook) -> str:
    return request.build_absolute_uri(reverse("hook-call", args=[hook.public_id]))


def example(request: HttpRequest, hook: EventHook) -> str:
    """Shell commands that call the hook, with a body that has a place for all that is mapped."""
    body: dict[str, Any] = {}
    for pointer in hook.mapping.values():
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        place = body
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place.get(step, {}), dict) else {}
        place[steps[-1]] = "…"
    text = json.dumps(body, ensure_ascii=False).replace("'", "'\\''")
    return CURL.format(body=text, header=signatures.HEADER, url=address(request, hook))


def hook_url(hook_id: int) -> str:
    return reverse("admin:jobs_eventhook_change", args=[hook_id])
