"""`/api/v1/notification-rules`: who hears of what, the default rule of each tenant among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs.api.base import split_body
from notifications.api.base import NotificationsViewSet
from notifications.api.parameters import DefaultRuleParameters, RuleParameters
from notifications.api.rule_input import RuleCreationSerializer, RuleFieldsSerializer, RuleOptionsSerializer
from notifications.api.rule_output import RuleSerializer, shown, shown_built_in
from notifications.api.rule_pages import RulePagination
from notifications.models import Rule
from notifications.rulebook import changes, listing
from notifications.rulebook.changes import Editor
from notifications.rulebook.listing import BUILT_IN
from scheduler_project.api import conditional
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import StrictSerializer
from scheduler_project.api.views import TENANT_PARAMETER
from scheduler_project.lib import transactions


class _RuleViewSet(NotificationsViewSet):
    noun = "rule"
    queryset = Rule.objects.none()
    serializer_class = RuleSerializer
    version_field = "updated_at"

    @property
    def editor(self) -> Editor:
        return Editor(self.principal.label, self.principal.is_superuser)


class RuleViewSet(_RuleViewSet):
    pagination_class = RulePagination
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("create", "update", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "list": "list_notification_rules",
        "retrieve": "get_notification_rule",
        "create": "create_notification_rule",
        "update": "replace_notification_rule",
        "partial_update": "change_notification_rule",
        "destroy": "delete_notification_rule",
    }
    parameters = {"list": RuleParameters}
    errors = {"create": {409: "The tenant has as many rules as it can have."}}

    def list(self, request: Request) -> Response:
        """The rules of the caller's tenants, of each the default first. One that nobody has changed has no id."""
        found: Any = listing.find(self.principal.tenant_ids(self.scope), **self.filters)
        page = self.paginate_queryset(found) or ()
        rules = [shown_built_in(rule.tenant) if rule.pk == BUILT_IN else shown(rule) for rule in page]
        return self.get_paginated_response(RuleSerializer(rules, many=True).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One rule."""
        return Response(RuleSerializer(shown(self.find(_rules(), pk))).data)

    @extend_schema(request=RuleCreationSerializer, responses={201: RuleSerializer}, parameters=[TENANT_PARAMETER])
    @idempotent
    def create(self, request: Request) -> Response:
        """A new rule: of a job, of the jobs with a tag, or of all of the tenant. It tells of what happens from now on.
        Whom several rules would tell the same, hears it once: by the rule of the job before that of a tag."""
        options, data = split_body(request, RuleOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        rule = changes.create(data, tenant=tenant, by=self.editor)
        headers = {"Location": reverse("rule-detail", args=[rule.pk])}
        return Response(
            RuleSerializer(shown(_rules().get(pk=rule.pk))).data, status=status.HTTP_201_CREATED, headers=headers
        )

    @extend_schema(request=RuleFieldsSerializer)
    def update(self, request: Request, pk: str) -> Response:
        """Replace the rule: what the body leaves out is as in a new rule."""
        return self._change(request, pk, replaces=True)

    @extend_schema(request=RuleFieldsSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names. Rules of the system's kinds are switched on and off by anybody who may
        change rules, and changed by superusers only."""
        return self._change(request, pk, replaces=False)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the rule; the default rule of the tenant is put back as it is built in."""
        rule = self.find(_ids(), pk)
        with self.unless_changed(rule):
            changes.delete(rule.pk, by=self.editor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _change(self, request: Request, pk: str, *, replaces: bool) -> Response:
        rule = self.find(_ids(), pk)
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(rule):
            changes.change(rule.pk, data, by=self.editor, replaces=replaces)
        return Response(RuleSerializer(shown(_rules().get(pk=rule.pk))).data)


class DefaultRuleViewSet(_RuleViewSet):
    required_scopes = {
        "retrieve": Scope.SCHEDULER_READ,
        **dict.fromkeys(("update", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "retrieve": "get_default_notification_rule",
        "update": "replace_default_notification_rule",
        "partial_update": "change_default_notification_rule",
        "destroy": "put_back_default_notification_rule",
    }
    parameters = dict.fromkeys(("retrieve", "update", "partial_update", "destroy"), DefaultRuleParameters)

    @extend_schema(parameters=[TENANT_PARAMETER])
    def retrieve(self, request: Request) -> Response:
        """The rule that holds in a tenant without any other: the owner of a job hears of its first failure, of its
        recovery, and of missed ticks."""
        return self._shown(self._tenant())

    @extend_schema(request=RuleFieldsSerializer, parameters=[TENANT_PARAMETER])
    def update(self, request: Request) -> Response:
        """Replace the default rule: what the body leaves out is as in a new rule."""
        return self._change(request, replaces=True)

    @extend_schema(request=RuleFieldsSerializer, parameters=[TENANT_PARAMETER])
    def partial_update(self, request: Request) -> Response:
        """Change the default rule; `{"enabled": false}` switches it off. It stays a rule of all jobs."""
        return self._change(request, replaces=False)

    @extend_schema(responses={204: None}, parameters=[TENANT_PARAMETER])
    def destroy(self, request: Request) -> Response:
        """Put the default rule back as it is built in."""
        tenant = self._tenant()
        with self.unless_changed(tenant):
            changes.put_back_default(tenant=tenant, by=self.editor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @contextmanager
    def unless_changed(self, row: Model, *, says_so_elsewhere: bool = False) -> Iterator[None]:
        """As for a row, of a rule that may have none; the tenant's lock keeps others away."""
        condition = conditional.condition(self.request, says_so_elsewhere=says_so_elsewhere)
        if condition is None:
            yield
            return
        with transactions.engine():
            tenant = Tenant.objects.select_for_update(no_key=True).get(pk=row.pk)
            rule = changes.default_row(tenant)
            condition.judge(conditional.mark(rule.updated_at if rule else None), noun=self.noun, field="updated_at")
            yield

    def _change(self, request: Request, *, replaces: bool) -> Response:
        tenant = self._tenant()
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(tenant):
            changes.change_default(data, tenant=tenant, by=self.editor, replaces=replaces)
        return self._shown(tenant)

    def _tenant(self) -> Tenant:
        return self.tenant_to_write_to(self.filters.get("tenant"))

    def _shown(self, tenant: Tenant) -> Response:
        rule = _rules().filter(tenant=tenant, is_default=True).first()
        return Response(RuleSerializer(shown(rule) if rule else shown_built_in(tenant)).data)


def _rules() -> QuerySet[Rule]:
    return Rule.objects.select_related("tenant").prefetch_related("users", "channels")


def _ids() -> QuerySet[Rule]:
    return Rule.objects.only("id", "tenant_id")
