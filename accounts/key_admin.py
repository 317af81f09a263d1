"""API keys in the admin: the list, one key's page, and the pages that show a new key's text once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import access, keys
from accounts.grants import Excess, Giver
from accounts.limits.taking import LimiterUnavailable
from accounts.models import ApiKey
from accounts.scopes import Scope
from accounts.tenant_admin import AdministeredAdmin, administered
from scheduler_project.lib import markup
from scheduler_project.lib.input import InvalidInput

OVERLAPS = {"none": timedelta(0), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
REFUSALS = (Excess, LimiterUnavailable, keys.AlreadyReplaced, keys.KeyIsDead, keys.TooManyKeys)


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {scope.label}") for scope in Scope], widget=forms.CheckboxSelectMultiple
    )
    giver: Callable[[int], Giver]

    class Meta:
        model = ApiKey
        fields = ("tenant", "name", "scopes", "expires_at", "is_internal")
        help_texts = {"expires_at": "In UTC. Never, when left empty."}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        try:
            keys.judge(**wish(data), by=self.giver(data["tenant"].pk))
        except InvalidInput as error:
            raise forms.ValidationError(error.fields) from None
        except REFUSALS as error:
            raise forms.ValidationError(str(error)) from None
        return data


def wish(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of the form as `keys.create` takes them."""
    internal = {"is_internal": data.get("is_internal", False)}
    return {name: data[name] for name in ("tenant", "name", "scopes", "expires_at")} | internal


@admin.register(ApiKey)
class ApiKeyAdmin(AdministeredAdmin):
    form = ApiKeyForm
    list_display = ("name", "key_prefix", "tenant", "opens", "state", "last_used", "created", "expires")
    list_display_links = ("name",)
    list_select_related = ("tenant", "created_by")
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    sortable_by = ("name", "last_used")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of the list, for its action; a key itself is only read, replaced and revoked."""
        return obj is None and self.has_view_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fields = ApiKeyForm.Meta.fields
        return fields if access.is_superuser(request.user) else fields[:-1]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        form.giver = staticmethod(lambda tenant_id: access.giver(request.user, tenant_id))
        return form

    # --- create: the text is shown once, in the answer to the request that made it ---

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        key, text = keys.create(**wish(form.cleaned_data), by=access.giver(request.user, obj.tenant_id))
        obj.pk, obj.prefix, obj.digest = key.pk, key.prefix, key.digest
        obj._state.adding = False
        obj.text = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._show_text(request, obj, obj.text)

    def _show_text(self, request: HttpRequest, key: ApiKey, text: str, old: ApiKey | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "API key created",
            "opts": ApiKey._meta,
            "key": key,
            "old": old,
            "text": text,
        }
        response = TemplateResponse(request, "accounts/key_created.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    # --- rotate and revoke ---

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:key_id>/revoke/", view(self.revoke_view), name="accounts_apikey_revoke"),
            path("<int:key_id>/rotate/", view(self.rotate_view), name="accounts_apikey_rotate"),
        ]
        return [*own, *super().get_urls()]

    def rotate_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        key = self.get_object(request, str(key_id))
        overlap = OVERLAPS.get(request.POST.get("overlap", ""), OVERLAPS["none"])
        try:
            new, text = keys.rotate(key.pk, by=access.giver(request.user, key.tenant_id), overlap=overlap)
        except (InvalidInput, *REFUSALS) as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:accounts_apikey_change", args=[key.pk]))
        return self._show_text(request, new, text, ApiKey.objects.get(pk=key.pk))

    def revoke_view(self, request: HttpRequest, key_id: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        key = self.get_object(request, str(key_id))
        self._revoke(request, ApiKey.objects.filter(pk=key.pk))
        return HttpResponseRedirect(reverse("admin:accounts_apikey_changelist"))

    @admin.action(description="Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        self._revoke(request, queryset)

    def _revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        found = ApiKey.objects.filter(pk__in=queryset.values("pk"), tenant__in=administered(request))
        count = sum(keys.revoke(key.pk, by=access.giver(request.user, key.tenant_id)) for key in found)
        messages.success(request, f"Revoked {count} key." if count == 1 else f"Revoked {count} keys.")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        key = self.get_object(request, object_id)
        if not self.has_view_permission(request, key):
            raise PermissionDenied
        successor = ApiKey.objects.filter(rotated_from=key).first()
        is_dead = key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= timezone.now())
        context = {
            **self.admin_site.each_context(request),
            "title": key.name,
            "opts": ApiKey._meta,
            "key": key,
            "state": self.state(key),
            "prefix": self.key_prefix(key),
            "scopes": self.scope_list(key),
            "successor": successor,
            "is_revocable": key.revoked_at is None,
            "is_replaceable": not is_dead and successor is None,
        }
        return TemplateResponse(request, "accounts/key_page.html", context)

    # --- columns ---

    @admin.display(description="Begins with")
    def key_prefix(self, key: ApiKey) -> SafeString:
        return format_html('<span class="mono">{}_{}…</span>', keys.BRAND, key.prefix)

    @admin.display(description="Scopes")
    def opens(self, key: ApiKey) -> SafeString:
        if set(key.scopes) == set(Scope.values):
            return SafeString('<span class="tag">all scopes</span>')
        return self.scope_list(key)

    def scope_list(self, key: ApiKey) -> SafeString:
        return format_html_join(" ", '<span class="tag">{}</span>', ((scope,) for scope in key.scopes))

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        if key.revoked_at is not None:
            return markup.chip("Revoked", tone="quiet", shape="stop")
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return markup.chip("Expired", tone="quiet", shape="clock")
        return markup.chip("Active", tone="good", shape="check")

    @admin.display(description="Last used", ordering="last_used_at")
    def last_used(self, key: ApiKey) -> str | SafeString:
        return markup.moment(key.last_used_at, now=timezone.now(), empty="Never used")

    @admin.display(description="Created")
    def created(self, key: ApiKey) -> SafeString:
        made = markup.moment(key.created_at, now=timezone.now())
        return format_html("{} by {}", made, key.created_by) if key.created_by else format_html("{}", made)

    @admin.display(description="Expires")
    def expires(self, key: ApiKey) -> str | SafeString:
        return markup.moment(key.expires_at, now=timezone.now(), empty="No end")
