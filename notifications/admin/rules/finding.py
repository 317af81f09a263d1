"""Finds the rule that an address names, for somebody who may see it: by its id, or as the default of a tenant."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from notifications.models import Rule
from notifications.rulebook import changes
from notifications.rulebook.changes import Editor
from notifications.rulebook.reader import RuleInput
from notifications.rulebook.shapes import built_in


@dataclass(frozen=True)
class Found:
    """A rule as a page shows it. `row` is None for a default that nobody has changed, and for a new rule."""

    tenant: Tenant
    shown: RuleInput
    row: Rule | None = None
    is_default: bool = False

    @property
    def is_new(self) -> bool:
        return self.row is None and not self.is_default

    @property
    def version(self) -> str:
        return self.row.updated_at.isoformat() if self.row else ""

    @property
    def page_url(self) -> str:
        return url_of(self.tenant, self.row.pk if self.row and not self.is_default else None)

    @property
    def remove_url(self) -> str:
        return url_of(self.tenant, self.row.pk if self.row and not self.is_default else None, "remove")


def url_of(tenant: Tenant, rule_id: int | None, name: str = "") -> str:
    """Of the page of a rule, or of what is done to it: `switch`, `remove`. Without an id the tenant's default."""
    end = f"_{name}" if name else ""
    if rule_id is None:
        return reverse(f"admin:notification_default_rule{end}", args=[tenant.slug])
    return reverse(f"admin:notification_rule{end}", args=[rule_id])


def by_id(request: HttpRequest, rule_id: int) -> Found:
    """Raises PermissionDenied, Http404."""
    rows = Rule.objects.select_related("tenant").prefetch_related("users", "channels")
    row = access.visible(rows, request.user).filter(pk=rule_id).first()
    if row is not None:
        return Found(row.tenant, RuleInput.of(row), row, is_default=row.is_default)
    if Rule.objects.filter(pk=rule_id).exists():
        raise PermissionDenied("This rule belongs to a tenant that you are no member of, or do not look at.")
    raise Http404(f"There is no rule {rule_id}.")


def default_of(request: HttpRequest, slug: str) -> Found:
    """Raises PermissionDenied, Http404."""
    tenant = tenant_of(request, slug)
    row = changes.default_row(tenant)
    return Found(tenant, RuleInput.of(row) if row else built_in(tenant.pk), row, is_default=True)


def tenant_of(request: HttpRequest, slug: str, scope: str = Scope.SCHEDULER_READ) -> Tenant:
    """Raises PermissionDenied, Http404."""
    tenants = access.tenants(request.user, scope)
    found = tenants.filter(slug=slug).first() if slug else tenants.order_by("name", "pk").first()
    if found is not None:
        return found
    if slug and not Tenant.objects.filter(slug=slug).exists():
        raise Http404(f"There is no tenant {slug[:63]}.")
    raise PermissionDenied(f"This takes the permission {scope} in the tenant.")


def editor_of(request: HttpRequest) -> Editor:
    return Editor(f"user:{request.user.get_username()}", access.is_superuser(request.user))


def may_write(request: HttpRequest, tenant: Tenant) -> bool:
    return access.may(request.user, Scope.SCHEDULER_WRITE, tenant.pk)


def require_write(request: HttpRequest, tenant: Tenant) -> None:
    if not may_write(request, tenant):
        raise PermissionDenied("Your role does not allow you to change rules.")
