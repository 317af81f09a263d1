"""Tenants, memberships and API keys in the admin. A tenant's administrators look after their own members and keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import access, keys
from accounts.models import ApiKey, Membership, Tenant
from accounts.scopes import Role, Scope
from accounts.tenant_admin import TenantAdmin
from scheduler_project.lib import markup


def _administered(request: HttpRequest) -> QuerySet[Tenant]:
    if access.is_superuser(request.user):
        return Tenant.objects.all()
    mine = [pk for pk, role in access.roles(request.user).items() if role == Role.ADMIN]
    return Tenant.objects.filter(pk__in=mine)


class AdministeredAdmin(TenantAdmin[Any]):
    """For what only superusers and the administrators of a tenant see."""

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.filter(**{f"{self.tenant_path}__in": _administered(request)})

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return access.administers_any(request.user)
        return access.administers(request.user, self.tenant_of(obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.administers_any(request.user)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Without the stock shortcuts to pages that most administrators of a tenant may not open."""
        form = super().get_form(request, obj, change, **options)
        for field in form.base_fields.values():
            for link in ("add", "change", "delete", "view"):
                if hasattr(field.widget, f"can_{link}_related"):
                    setattr(field.widget, f"can_{link}_related", False)
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "tenant":
            options["queryset"] = _administered(request)
        return super().formfield_for_foreignkey(db_field, request, **options)


@admin.register(Tenant)
class TenantsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Superusers, and whom Django's own permissions allow. Tenants are deactivated, never deleted."""

    list_display = ("name", "slug", "is_active", "created_at")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(AdministeredAdmin):
    list_display = ("user", "tenant", "role", "created_at")
    list_display_links = ("user",)
    list_filter = ("role",)
    list_select_related = ("user", "tenant")
    search_fields = ("user__username", "tenant__name")
    fields = ("tenant", "user", "role")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("tenant", "user") if obj is not None else ()


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    scopes = forms.MultipleChoiceField(choices=Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields = ("tenant", "name", "scopes", "expires_at")
        help_texts = {"expires_at": "In UTC. Never, when left empty."}

    def clean_expires_at(self) -> Any:
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError("This lies in the past.")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(AdministeredAdmin):
    form = ApiKeyForm
    list_display = ("name", "key_prefix", "tenant", "scope_list", "state", "created", "created_by", "expires")
    list_display_links = ("name",)
    list_select_related = ("tenant", "created_by")
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    sortable_by = ("name",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of the list, for its action; a key itself is only read and revoked."""
        return obj is None and self.has_view_permission(request)

    # --- create: the text is shown once, in the answer to the request that made it ---

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        key, text = keys.create(
            tenant=obj.tenant,
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            created_by=request.user,  # type: ignore[arg-type]
            expires_at=obj.expires_at,
        )
        obj.pk, obj.prefix, obj.digest = key.pk, key.prefix, key.digest
        obj._state.adding = False
        obj.text = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "API key created",
            "opts": ApiKey._meta,
            "key": obj,
            "text": obj.text,
        }
        response = TemplateResponse(request, "accounts/key_created.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    # --- revoke ---

    def get_urls(self) -> list[URLPattern]:
        revoke = path(
            "<int:key_id>/revoke/", self.admin_site.admin_view(self.revoke_view), name="accounts_apikey_revoke"
        )
        return [revoke, *super().get_urls()]

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
        found = ApiKey.objects.filter(pk__in=queryset.values("pk"), tenant__in=_administered(request))
        count = found.filter(revoked_at=None).update(revoked_at=timezone.now())
        messages.success(request, f"Revoked {count} key." if count == 1 else f"Revoked {count} keys.")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        key = self.get_object(request, object_id)
        if not self.has_view_permission(request, key):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": key.name,
            "opts": ApiKey._meta,
            "key": key,
            "state": self.state(key),
            "scopes": self.scope_list(key),
            "is_revocable": key.revoked_at is None,
        }
        return TemplateResponse(request, "accounts/key_page.html", context)

    # --- columns ---

    @admin.display(description="Begins with")
    def key_prefix(self, key: ApiKey) -> SafeString:
        return format_html('<span class="mono">{}_{}…</span>', keys.BRAND, key.prefix)

    @admin.display(description="Scopes")
    def scope_list(self, key: ApiKey) -> SafeString:
        return format_html_join(" ", '<span class="tag">{}</span>', ((scope,) for scope in key.scopes))

    @admin.display(description="State")
    def state(self, key: ApiKey) -> SafeString:
        if key.revoked_at is not None:
            return markup.chip("Revoked", tone="quiet", shape="stop")
        if key.expires_at is not None and key.expires_at <= timezone.now():
            return markup.chip("Expired", tone="quiet", shape="clock")
        return markup.chip("Active", tone="good", shape="check")

    @admin.display(description="Created")
    def created(self, key: ApiKey) -> str | SafeString:
        return markup.moment(key.created_at, now=timezone.now())

    @admin.display(description="Expires")
    def expires(self, key: ApiKey) -> str | SafeString:
        return markup.moment(key.expires_at, now=timezone.now(), empty="Never")


# --- Django's own users and groups, with controls that work without scripts and have labels ---------------------------


class MembershipInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    fields = ("tenant", "role")
    verbose_name_plural = "Memberships: what this user may do, tenant by tenant"


class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]
    filter_horizontal = ()
    list_display = ("username", "email", "tenants", "is_staff", "is_superuser", "is_active", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    inlines = (MembershipInline,)
    readonly_fields = ("last_login", "date_joined")
    sortable_by = ("username", "last_login")

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj is not None else ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("memberships__tenant")

    @admin.display(description="Tenants")
    def tenants(self, user: Any) -> SafeString:
        memberships = user.memberships.all()
        rows = ((f"{membership.tenant.slug}: {membership.role}",) for membership in memberships)
        return format_html_join(" ", '<span class="tag">{}</span>', rows)


class GroupsAdmin(GroupAdmin):
    filter_horizontal = ()


for model, replacement in ((User, PeopleAdmin), (Group, GroupsAdmin)):
    admin.site.unregister(model)
    admin.site.register(model, replacement)
