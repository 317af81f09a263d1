"""The list of rules: of each tenant the default first, with what it tells of and who hears it in a line each."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from notifications.admin import frame
from notifications.admin.rules import finding
from notifications.admin.rules.names import Names
from notifications.rulebook import book, words
from notifications.rules.rule import OF_THE_SYSTEM_RULE, RuleFacts

TENANTS_A_PAGE = 20
SHOWN = 30  # rules of a tenant beside others; of one alone all are
NARROWS_FROM = 2  # tenants


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    tenants = access.tenants(request.user).order_by("name", "pk")
    if not tenants.exists():
        raise PermissionDenied(f"Rules need the permission {Scope.SCHEDULER_READ} in some tenant.")
    count = tenants.count()
    only = tenants.filter(slug=request.GET["tenant"]) if "tenant" in request.GET else tenants
    page = Paginator(only, TENANTS_A_PAGE).get_page(request.GET.get("page"))
    found = book.rules_of([tenant.pk for tenant in page])
    most = None if page.paginator.count == 1 else SHOWN
    names = Names.of([rule for rules in found.values() for rule in rules[:most]])
    context = {
        **frame.context(site, request, "Rules", title="Notification rules"),
        "page": page,
        "books": [_book(request, tenant, found[tenant.pk], names, most) for tenant in page],
        "names_tenants": count >= NARROWS_FROM,
        "of_the_system": row(OF_THE_SYSTEM_RULE, names) if access.is_superuser(request.user) else None,
    }
    return TemplateResponse(request, "notifications/rules/list.html", context)


def row(rule: RuleFacts, names: Names) -> dict[str, Any]:
    return {
        "rule": rule,
        "about": words.about(rule, names.jobs),
        "what": words.what(rule),
        "who": words.who(rule, people=names.people, channels=names.channels),
        "quiet": words.quiet(rule.quiet),
    }


def _book(
    request: HttpRequest, tenant: Tenant, rules: list[RuleFacts], names: Names, most: int | None
) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "rows": [{**row(rule, names), **_urls(rule, tenant)} for rule in rules[:most]],
        "others": len(rules[most:]) if most else 0,
        "may_write": access.may(request.user, Scope.SCHEDULER_WRITE, tenant.pk),
    }


def _urls(rule: RuleFacts, tenant: Tenant) -> dict[str, str]:
    key = None if rule.is_default else rule.rule_id
    return {"url": finding.url_of(tenant, key), "switch_url": finding.url_of(tenant, key, "switch")}
