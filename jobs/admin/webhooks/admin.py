"""Webhooks in the admin: the list, the page with its deliveries, and the buttons. Written by `jobs.webhooks`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.scopes import Scope
from accounts.tenant_admin import TenantAdmin
from jobs import webhooks
from jobs.admin.chips import state_chip
from jobs.admin.jobs.columns import job_url
from jobs.admin.jobs.operations import Caller
from jobs.admin.webhooks import secret_page
from jobs.admin.webhooks.forms import WebhookForm
from jobs.models import Webhook, WebhookDelivery
from jobs.webhooks import InvalidWebhook, NothingToRedeliver, TooManyWebhooks, Tried
from scheduler_project.lib import markup

SHOWN = 50


@admin.register(Webhook)
class WebhookAdmin(TenantAdmin[Webhook]):
    list_display = ("webhook", "state", "tells_of", "job_link", "last_delivery")
    list_display_links = None
    list_select_related = ("tenant", "job")
    search_fields = ("name",)  # not the address, which not all may see
    ordering = ("name",)
    sortable_by = ("webhook",)
    actions = None
    change_list_template = "jobs/webhooks/webhook_list.html"

    # --- who may ---

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.may_anywhere(request.user, Scope.SCHEDULER_WRITE)

    def may_write(self, request: HttpRequest, webhook: Webhook) -> bool:
        return access.may(request.user, Scope.SCHEDULER_WRITE, webhook.tenant_id)

    # --- the list ---

    def get_queryset(self, request: HttpRequest) -> Any:
        last = WebhookDelivery.objects.filter(webhook=OuterRef("pk")).order_by("-id")
        of_last = {
            "last_status": Subquery(last.values("status")[:1]),
            "last_at": Subquery(last.values("created_at")[:1]),
        }
        return super().get_queryset(request).annotate(**of_last)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": "Webhooks", **(extra_context or {})})

    @admin.display(description="Webhook", ordering="name")
    def webhook(self, row: Webhook) -> SafeString:
        link = '<a class="row-link" href="{}">{}</a><br><small class="mono">{}</small>'
        return format_html(link, webhook_url(row.pk), row, row.shown_url)

    @admin.display(description="State")
    def state(self, row: Webhook) -> SafeString:
        if not row.is_enabled:
            return state_chip("disabled")
        return state_chip("failing" if row.failures_in_row else "active")

    @admin.display(description="Tells of")
    def tells_of(self, row: Webhook) -> str:
        return ", ".join(event.replace("_", " ") for event in row.events)

    @admin.display(description="Job")
    def job_link(self, row: Webhook) -> SafeString | str:
        return format_html('<a href="{}">{}</a>', job_url(row.job.pk), row.job.name) if row.job else "all"

    @admin.display(description="Last delivery")
    def last_delivery(self, row: Any) -> str | SafeString:
        if row.last_status is None:
            return "none yet"
        return format_html("{} {}", state_chip(row.last_status), markup.moment(row.last_at, now=timezone.now()))

    # --- the pages ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:webhook_id>/test/", view(self.test_view), name="jobs_webhook_test"),
            path("<int:webhook_id>/rotate/", view(self.rotate_view), name="jobs_webhook_rotate"),
            path("<int:webhook_id>/remove/", view(self.remove_view), name="jobs_webhook_remove"),
            path(
                "<int:webhook_id>/redeliver/<int:delivery_id>/",
                view(self.redeliver_view),
                name="jobs_webhook_redeliver",
            ),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied("Your role does not allow you to create webhooks.")
        tenants = access.tenants(request.user, Scope.SCHEDULER_WRITE)
        form = WebhookForm(request.POST or None, webhook=None, tenants=tenants)
        if request.method == "POST" and form.is_valid():
            tenant = form.cleaned_data.get("tenant") or tenants.first()
            if tenant is None:
                raise PermissionDenied("You may not create webhooks in any tenant.")
            try:
                made, secret = webhooks.create(form.to_data(), tenant=tenant, actor=Caller.of(request).actor)
            except InvalidWebhook as error:
                form.take(error.fields)
            except TooManyWebhooks as error:
                form.add_error(None, str(error))
            else:
                return self._show_secret(request, made, secret)
        return self._page(request, form, None, asks_tenant=tenants.count() > 1)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        webhook = self.get_object(request, object_id)
        form = WebhookForm(request.POST or None, webhook=webhook, tenants=access.tenants(request.user))
        if request.method == "POST":
            self._require(request, webhook, "change it")
            if form.is_valid():
                try:
                    webhooks.change(webhook.pk, form.to_data(), actor=Caller.of(request).actor)
                except InvalidWebhook as error:
                    form.take(error.fields)
                else:
                    messages.success(request, "Changed. What waits to be sent goes to the new address.")
                    return HttpResponseRedirect(webhook_url(webhook.pk))
        return self._page(request, form, webhook)

    def test_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        """Shows the real answer."""
        webhook = self._posted_to(request, webhook_id, "test it")
        if isinstance(webhook, HttpResponse):
            return webhook
        form = WebhookForm(None, webhook=webhook, tenants=access.tenants(request.user))
        return self._page(request, form, webhook, tried=webhooks.test(webhook, actor=Caller.of(request).actor))

    def rotate_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        webhook = self._posted_to(request, webhook_id, "rotate its secret")
        if isinstance(webhook, HttpResponse):
            return webhook
        overlap = secret_page.overlap(request)
        return self._show_secret(request, *webhooks.rotate(webhook.pk, actor=Caller.of(request).actor, overlap=overlap))

    def redeliver_view(self, request: HttpRequest, webhook_id: int, delivery_id: int) -> HttpResponse:
        webhook = self._posted_to(request, webhook_id, "send it again")
        if isinstance(webhook, HttpResponse):
            return webhook
        if not WebhookDelivery.objects.filter(pk=delivery_id, webhook=webhook).exists():
            raise PermissionDenied("This delivery belongs to another webhook.")
        try:
            webhooks.redeliver(delivery_id, actor=Caller.of(request).actor)
        except NothingToRedeliver as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "It is sent again within a second or two.")
        return HttpResponseRedirect(webhook_url(webhook.pk))

    def remove_view(self, request: HttpRequest, webhook_id: int) -> HttpResponse:
        """Asks before it is done."""
        webhook = self.get_object(request, str(webhook_id))
        self._require(request, webhook, "remove it")
        if request.method == "POST":
            webhooks.delete(webhook.pk, actor=Caller.of(request).actor)
            messages.success(request, f"Removed {webhook.name}.")
            return HttpResponseRedirect(reverse("admin:jobs_webhook_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Remove {webhook.name}?",
            "opts": Webhook._meta,
            "webhook": webhook,
        }
        return TemplateResponse(request, "jobs/webhooks/webhook_remove.html", context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(webhook_url(self.get_object(request, object_id).pk))

    # --- small things ---

    def _page(
        self,
        request: HttpRequest,
        form: WebhookForm,
        webhook: Webhook | None,
        *,
        asks_tenant: bool = False,
        tried: Tried | None = None,
    ) -> HttpResponse:
        is_open = webhook is None or self.may_write(request, webhook)
        if webhook is not None and not is_open:
            form.close()
            form.initial["url"] = webhook.shown_url
        found = webhook.deliveries.defer("payload").order_by("-id")[:SHOWN] if webhook else ()
        context = {
            **self.admin_site.each_context(request),
            "title": webhook.name if webhook else "New webhook",
            "opts": Webhook._meta,
            "webhook": webhook,
            "form": form,
            "is_open": is_open,
            "job_names": form.job_names() if is_open else [],
            "asks_tenant": asks_tenant,
            "errors": secret_page.summary(form) if form.is_bound else [],
            "deliveries": [(delivery, delivery.log[-1] if delivery.log else None) for delivery in found],
            "tried": tried.to_json() if tried else None,
            "is_taken": tried.answer.is_taken if tried else False,
            "tried_in_words": tried.answer.in_words if tried else "",
        }
        return TemplateResponse(request, "jobs/webhooks/webhook_page.html", context)

    def _show_secret(self, request: HttpRequest, webhook: Webhook, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": Webhook._meta,
            "list_url": "admin:jobs_webhook_changelist",
        }
        back = webhook_url(webhook.pk)
        return secret_page.respond(request, context, name=webhook.name, secret=secret, back=back)

    def _posted_to(self, request: HttpRequest, webhook_id: int, verb: str) -> Webhook | HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        webhook = self.get_object(request, str(webhook_id))
        self._require(request, webhook, verb)
        return webhook

    def _require(self, request: HttpRequest, webhook: Webhook, verb: str) -> None:
        if not self.may_write(request, webhook):
            raise PermissionDenied(f"Your role does not allow you to {verb}.")


def webhook_url(webhook_id: int) -> str:
    return reverse("admin:jobs_webhook_change", args=[webhook_id])
