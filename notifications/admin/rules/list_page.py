"""The list of rules: of each tenant the default first, with what it tells of and who hears it in a line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.models import Job
from notifications.admin import frame
from notifications.models import Channel
from notifications.rulebook import book, words
from notifications.rules.rule import OF_THE_SYSTEM_RULE, RuleFacts

TENANTS_A_PAGE = 20
NARROWS_FROM = 2  # tenants


@dataclass(frozen=True)
class Names:
    """Of what the rules of a page name; read once for all of them."""

    jobs: dict[int, str]
    people: dict[int, str]
    channels: dict[int, str]

    @classmethod
    def of(cls, rules: list[RuleFacts]) -> Names:
        jobs = Job.objects.filter(pk__in={rule.job_id for rule in rules if rule.job_id})
        people = get_user_model().objects.filter(pk__in={user for rule in rules for user in rule.user_ids})
        channels = Channel.objects.filter(pk__in={channel for rule in rules for channel in rule.channel_ids})
        return cls(
            dict(jobs.values_list("pk", "name")),
            dict(people.values_list("pk", "username")),
            dict(channels.values_list("pk", "name")),
        )


def respond(site: AdminSite, request: HttpRequest) -> HttpResponse:
    tenants = access.tenants(request.user).order_by("name", "pk")
    if not tenants.exists():
        raise PermissionDenied(f"Rules need the permission {Scope.SCHEDULER_READ} in some tenant.")
    page = Paginator(tenants, TENANTS_A_PAGE).get_page(request.GET.get("page"))
    found = book.rules_of([tenant.pk for tenant in page])
    names = Names.of([rule for rules in found.values() for rule in rules])
    context = {
        **frame.context(site, request, "Rules", title="Notification rules"),
        "page": page,
        "books": [_book(request, tenant, found[tenant.pk], names) for tenant in page],
        "names_tenants": page.paginator.count >= NARROWS_FROM,
        "may_create": access.may_anywhere(request.user, Scope.SCHEDULER_WRITE),
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


def _book(request: HttpRequest, tenant: Tenant, rules: list[RuleFacts], names: Names) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "rows": [row(rule, names) for rule in rules],
        "may_write": access.may(request.user, Scope.SCHEDULER_WRITE, tenant.pk),
    }
