"""Bases of admin pages: rows that nobody edits there, and rows that belong to a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from accounts import access, focus
from accounts.models import Tenant
from accounts.scopes import Role, Scope

Row = TypeVar("Row", bound=Model)


if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
else:

    class ModelAdmin(admin.ModelAdmin, Generic[Row]):
        """Takes its row's type at run time as well; Django's own does so for the type checker only."""


class ReadOnlyAdmin(ModelAdmin[Row]):
    """Rows of no tenant: whoever sees any tenant sees them, and nobody edits them here."""

    view_scope: str = Scope.SCHEDULER_READ

    @property
    def media(self) -> forms.Media:
        """Without jQuery, which only widgets of the stock forms need and bring along themselves."""
        return forms.Media(js=["admin/js/core.js", "admin/js/actions.js"])

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        """With jQuery: the stock page of a form has a script that asks for it."""
        context["media"] = super().media + context["media"]
        return super().render_change_form(request, context, *args, **options)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access.may_anywhere(request.user, self.view_scope)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TenantAdmin(ReadOnlyAdmin[Row]):
    """Read-only until a subclass allows more. Superusers see every tenant, others those of their memberships."""

    tenant_path = "tenant"

    def tenant_of(self, row: Row) -> int:
        tenant_id: int = row.tenant_id  # type: ignore[attr-defined]
        return tenant_id

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows: QuerySet[Row] = access.visible(
            super().get_queryset(request), request.user, self.view_scope, tenant=self.tenant_path
        )
        return rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Row:
        """The row. Another tenant's is forbidden, an unknown id is not found; the stock admin would redirect."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            return found
        try:
            is_foreign = self.model._default_manager.filter(pk=object_id).exists()
        except (ValueError, ValidationError):
            is_foreign = False
        if is_foreign and focus.tenant_id() is not None:
            raise PermissionDenied(f"This {self.opts.verbose_name} belongs to another tenant than the one you look at.")
        if is_foreign:
            raise PermissionDenied(f"This {self.opts.verbose_name} belongs to a tenant that you are no member of.")
        raise Http404(f"There is no {self.opts.verbose_name} {object_id}.")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is None:
            return super().has_view_permission(request)
        return access.may(request.user, self.view_scope, self.tenant_of(obj))


def administered(request: HttpRequest) -> QuerySet[Tenant]:
    if access.is_superuser(request.user):
        return access.focused(Tenant.objects.all(), tenant="pk")
    mine = [pk for pk, role in access.roles(request.user).items() if role == Role.ADMIN]
    return Tenant.objects.filter(pk__in=mine)


class AdministeredAdmin(TenantAdmin[Any]):
    """For what only superusers and the administrators of a tenant see."""

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = admin.ModelAdmin.get_queryset(self, request)
        return rows.filter(**{f"{self.tenant_path}__in": administered(request)})

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
            options["queryset"] = administered(request)
        return super().formfield_for_foreignkey(db_field, request, **options)
