"""Limits on requests in the admin: superusers grant them, a tenant's administrators lower their own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import access
from accounts.api.limits import route_names
from accounts.limits import changes
from accounts.limits.models import Level, RateLimit
from accounts.limits.rates import Kind
from accounts.tenant_admin import AdministeredAdmin, administered
from scheduler_project.lib import markup
from scheduler_project.lib.input import InvalidInput


def _endpoints() -> list[Any]:
    routes = [(name, name) for name in sorted(route_names())]
    return [("Classes of endpoints", [(kind.value, kind.value) for kind in Kind]), ("Single routes", routes)]


class RateLimitForm(forms.ModelForm):  # type: ignore[type-arg]
    endpoint = forms.ChoiceField(choices=_endpoints, help_text="A class of endpoints, or the name of a single route.")
    request: HttpRequest

    class Meta:
        model = RateLimit
        fields = ("tenant", "endpoint", "per_minute", "burst", "algorithm")
        help_texts = {
            "tenant": "Everyone who has none of their own, when left empty.",
            "per_minute": "Requests a minute. Without limit, when left empty.",
            "burst": "Requests at once; as many as in a minute, when left empty. Not for a window.",
            "algorithm": "A bucket refills steadily. A window lets no more through in any 60 seconds.",
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        tenant, endpoint = data.get("tenant", self.instance.tenant), data.get("endpoint", self.instance.endpoint)
        level = level_for(self.request)
        if tenant is None and level == Level.CHOSEN:
            raise forms.ValidationError({"tenant": "Choose your tenant; only superusers set the limits of everyone."})
        if (
            self.instance.pk is None
            and RateLimit.objects.filter(tenant=tenant, endpoint=endpoint, level=level).exists()
        ):
            raise forms.ValidationError({"endpoint": "There is a limit for this already; change that one."})
        try:
            changes.judge({**wish(data), "endpoint": endpoint}, tenant=tenant, level=level, routes=route_names())
        except InvalidInput as error:
            for path, messages in error.fields.items():
                self.add_error(path.rpartition(".")[2], messages)
        return data


def wish(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in ("per_minute", "burst", "algorithm")}


def level_for(request: HttpRequest) -> Level:
    return Level.GRANTED if access.is_superuser(request.user) else Level.CHOSEN


@admin.register(RateLimit)
class RateLimitAdmin(AdministeredAdmin):
    form = RateLimitForm
    list_display = ("endpoint_name", "whose", "requests", "burst_size", "algorithm", "set_by", "changed")
    list_display_links = ("endpoint_name",)
    list_filter = ("level",)
    list_select_related = ("tenant",)
    search_fields = ("endpoint", "tenant__name")
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        if access.sees_everything(request.user):
            return admin.ModelAdmin.get_queryset(self, request)
        return super().get_queryset(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What superusers granted is theirs to change, and what the tenant chose the tenant's."""
        is_mine = obj is None or obj.level == level_for(request)
        return is_mine and self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("tenant", "endpoint") if obj is not None else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        form.request = request
        mine = administered(request)
        if "tenant" in form.base_fields and not access.is_superuser(request.user) and mine.count() == 1:
            form.base_fields["tenant"].initial = mine.get()
        return form

    def save_model(self, request: HttpRequest, obj: RateLimit, form: Any, change: bool) -> None:
        where: dict[str, Any] = {"tenant": obj.tenant, "level": level_for(request)}
        wished = {"endpoint": obj.endpoint, **wish(form.cleaned_data)}
        changes.put(wished, **where, actor=self._actor(request), routes=route_names())
        obj.pk = RateLimit.objects.get(endpoint=obj.endpoint, **where).pk
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: RateLimit) -> None:
        changes.remove(obj.endpoint, tenant=obj.tenant, level=Level(obj.level), actor=self._actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[RateLimit]) -> None:
        for row in queryset.filter(level=level_for(request)).select_related("tenant"):
            self.delete_model(request, row)

    def _actor(self, request: HttpRequest) -> str:
        return f"user:{request.user.get_username()}"

    # --- columns ---

    @admin.display(description="Endpoint")
    def endpoint_name(self, row: RateLimit) -> SafeString:
        return format_html('<span class="mono">{}</span>', row.endpoint)

    @admin.display(description="Tenant")
    def whose(self, row: RateLimit) -> str:
        return str(row.tenant) if row.tenant else "Everyone"

    @admin.display(description="A minute")
    def requests(self, row: RateLimit) -> str:
        return "Without limit" if row.per_minute is None else f"{row.per_minute:,}"

    @admin.display(description="At once")
    def burst_size(self, row: RateLimit) -> str:
        if row.per_minute is None or row.algorithm == "window":
            return "Any number" if row.per_minute is None else "Does not apply"
        return f"{row.burst or row.per_minute:,}"

    @admin.display(description="Set by")
    def set_by(self, row: RateLimit) -> str:
        how = "granted" if row.level == Level.GRANTED else "chosen"
        return f"{row.updated_by or 'unknown'} ({how})"

    @admin.display(description="Changed")
    def changed(self, row: RateLimit) -> str | SafeString:
        return markup.moment(row.updated_at, now=timezone.now())
