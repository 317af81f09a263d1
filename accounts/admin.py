"""Tenants, memberships and API keys in the admin. A tenant's administrators look after their own members and keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from accounts import access, members, tenants
from accounts.audit_admin import AuditAdmin as AuditAdmin
from accounts.audited_admin import AuditedAdmin
from accounts.grants import Excess, Giver
from accounts.key_admin import ApiKeyAdmin as ApiKeyAdmin
from accounts.limit_admin import RateLimitAdmin as RateLimitAdmin
from accounts.models import Membership, Tenant
from accounts.tenant_admin import AdministeredAdmin
from scheduler_project.lib.input import InvalidInput

REFUSALS = (Excess, InvalidInput, members.LastAdministrator)


@admin.register(Tenant)
class TenantsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Superusers, and whom Django's own permissions allow. Tenants are deactivated, never deleted."""

    list_display = ("name", "slug", "is_active", "created_at")
    search_fields = ("name", "slug")
    fields = ("name", "slug", "is_active")

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {} if obj is not None else {"slug": ("name",)}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        actor = f"user:{request.user.get_username()}"
        if not change:
            made = tenants.create(obj.slug, obj.name, actor=actor)
            obj.pk, obj._state.adding = made.pk, False
        if change or not obj.is_active:
            tenants.change(obj.pk, {"name": obj.name, "is_active": obj.is_active}, actor=actor)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    request: HttpRequest

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        tenant = data.get("tenant") or (self.instance.tenant if self.instance.pk else None)
        if self.errors or tenant is None:
            return data
        try:
            members.judge(data["role"], by=access.giver(self.request.user, tenant.pk))
        except REFUSALS as error:
            raise forms.ValidationError(str(error)) from None
        return data


@admin.register(Membership)
class MembershipAdmin(AdministeredAdmin):
    form = MembershipForm
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

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = super().get_form(request, obj, change, **options)
        form.request = request
        return form

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        by = access.giver(request.user, obj.tenant_id)
        if change:
            members.change(obj.pk, obj.role, by=by)
        else:
            obj.pk = members.add(obj.user, obj.role, tenant=obj.tenant, by=by).pk
            obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        members.remove(obj.pk, by=access.giver(request.user, obj.tenant_id))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        with transaction.atomic():
            for member in queryset:
                self.delete_model(request, member)

    # --- what an operation refuses is told on the list, and nothing is changed ---

    def changeform_view(self, request: HttpRequest, *args: Any, **values: Any) -> Any:
        return self._or_tell(request, lambda: super(MembershipAdmin, self).changeform_view(request, *args, **values))

    def delete_view(self, request: HttpRequest, *args: Any, **values: Any) -> Any:
        return self._or_tell(request, lambda: super(MembershipAdmin, self).delete_view(request, *args, **values))

    def changelist_view(self, request: HttpRequest, *args: Any, **values: Any) -> Any:
        return self._or_tell(request, lambda: super(MembershipAdmin, self).changelist_view(request, *args, **values))

    def _or_tell(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            return answer()
        except REFUSALS as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:accounts_membership_changelist"))


# --- Django's own users and groups, with controls that work without scripts and have labels ---------------------------


class MembershipInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    fields = ("tenant", "role")
    verbose_name_plural = "Memberships: what this user may do, tenant by tenant"


class PeopleAdmin(AuditedAdmin, UserAdmin):  # type: ignore[type-arg]
    audited_as = "user"
    filter_horizontal = ()
    list_display = ("username", "email", "tenants", "is_staff", "is_superuser", "is_active", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    inlines = (MembershipInline,)
    readonly_fields = ("last_login", "date_joined")
    sortable_by = ("username", "last_login")

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.inlines if obj is not None else ()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Memberships, through the operations that everybody uses."""
        formset.save(commit=False)
        moved = [member for member, fields in formset.changed_objects if "tenant" in fields]
        try:
            for member in (*formset.deleted_objects, *moved):
                members.remove(member.pk, by=_giver(request, Membership.objects.get(pk=member.pk)))
            for member, _ in formset.changed_objects:
                if member not in moved:
                    members.change(member.pk, member.role, by=_giver(request, member))
            for member in (*formset.new_objects, *moved):
                members.add(member.user, member.role, tenant=member.tenant, by=_giver(request, member))
        except (Excess, members.LastAdministrator) as error:
            raise PermissionDenied(str(error)) from None

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("memberships__tenant")

    @admin.display(description="Tenants")
    def tenants(self, user: Any) -> SafeString:
        memberships = user.memberships.all()
        rows = ((f"{membership.tenant.slug}: {membership.role}",) for membership in memberships)
        return format_html_join(" ", '<span class="tag">{}</span>', rows)


def _giver(request: HttpRequest, member: Membership) -> Giver:
    return access.giver(request.user, member.tenant_id)


class GroupsAdmin(AuditedAdmin, GroupAdmin):
    audited_as = "group"
    filter_horizontal = ()


for model, replacement in ((User, PeopleAdmin), (Group, GroupsAdmin)):
    admin.site.unregister(model)
    admin.site.register(model, replacement)
