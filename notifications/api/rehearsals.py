"""`POST /api/v1/notification-rules/preview`: what a rule would have told lately. Stores nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs.api.base import split_body
from notifications.api.base import NotificationsViewSet
from notifications.api.rule_input import RuleFieldsSerializer, RuleOptionsSerializer
from notifications.fanout import rehearsal
from notifications.fanout.rehearsal import Rehearsal
from notifications.models import Rule
from notifications.rulebook.reader import KINDS, Writer, read
from notifications.rulebook.shapes import rule_of_input
from notifications.rules.audience import Circle, Target
from scheduler_project.api.serializers import InstantField, WholeNumberField
from scheduler_project.api.views import TENANT_PARAMETER
from scheduler_project.lib import sql

MOST_DAYS = 7


class RehearsalOptionsSerializer(RuleOptionsSerializer):
    days = WholeNumberField(
        default=MOST_DAYS, min_value=1, max_value=MOST_DAYS, help_text="How far to look back from now."
    )


class RehearsalBodySerializer(RehearsalOptionsSerializer, RuleFieldsSerializer):
    pass


class CountsSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS, read_only=True)
    count = serializers.IntegerField(read_only=True)


class TargetSerializer(serializers.Serializer[Any]):
    user = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null: everybody in the tenant, or whom the channel reaches."
    )
    channel = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: the inbox.")
    count = serializers.IntegerField(read_only=True)


class ToldSerializer(TargetSerializer):
    messages = serializers.IntegerField(
        read_only=True, help_text="Those that would have come by themselves; the others would be counted in them."
    )
    kinds = CountsSerializer(many=True, read_only=True)


class KeptSerializer(TargetSerializer):
    why = serializers.CharField(read_only=True)


class ExampleSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS, read_only=True)
    at = InstantField(read_only=True)
    name = serializers.CharField(read_only=True, help_text="Of the job, or of what is in trouble.")
    job = serializers.IntegerField(read_only=True, allow_null=True)
    execution = serializers.IntegerField(read_only=True, allow_null=True)


class RehearsalSerializer(serializers.Serializer[Any]):
    since = InstantField(read_only=True)
    until = InstantField(read_only=True)
    is_cut = serializers.BooleanField(
        read_only=True, help_text="So much has happened that it begins later than was asked for."
    )
    kinds = CountsSerializer(many=True, read_only=True, help_text="How often it would have told of each.")
    told = ToldSerializer(many=True, read_only=True)
    withheld = KeptSerializer(many=True, read_only=True, help_text="Who would not have heard it, and why.")
    newest = ExampleSerializer(many=True, read_only=True)


class RehearsalViewSet(NotificationsViewSet):
    queryset = Rule.objects.none()
    serializer_class = RehearsalSerializer
    required_scopes = {"rehearse": Scope.SCHEDULER_READ}
    operation_ids = {"rehearse": "preview_notification_rule"}

    @extend_schema(request=RehearsalBodySerializer, responses={200: RehearsalSerializer}, parameters=[TENANT_PARAMETER])
    def rehearse(self, request: Request) -> Response:
        """What such a rule, alone, would have told whom in the last days, from the runs and ticks that are kept. Of a
        job that failed before, the first failure since then counts as its first."""
        options, data = split_body(request, RehearsalOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        rule = read(data, Writer(tenant.pk, self.principal.is_superuser))
        facts = rule_of_input(replace(rule, enabled=True), tenant.pk)
        found = rehearsal.rehearse(facts, now=sql.now(), window=timedelta(days=options["days"]))
        return Response(RehearsalSerializer(shown(found)).data)


def shown(found: Rehearsal) -> dict[str, Any]:
    return {
        **{name: getattr(found, name) for name in ("since", "until", "is_cut")},
        "kinds": _counts(found.kinds),
        "told": [
            {**_target(told.target, found.circle), "count": told.count, "messages": told.messages}
            | {"kinds": _counts(told.kinds)}
            for told in found.told
        ],
        "withheld": [
            {**_target(kept.target, found.circle), "count": kept.count, "why": kept.why} for kept in found.kept
        ],
        "newest": [
            {
                "kind": example.kind.value,
                "at": example.happening.at,
                "name": example.happening.name,
                "job": example.happening.job.job_id if example.happening.job else None,
                "execution": example.happening.execution_id,
            }
            for example in found.newest
        ],
    }


def _target(target: Target, circle: Circle) -> dict[str, Any]:
    person = circle.people.get(target.user_id) if target.user_id is not None else None
    name = person.name if person else f"user {target.user_id}"
    return {"user": None if target.user_id is None else name, "channel": target.channel_id}


def _counts(kinds: Any) -> list[dict[str, Any]]:
    return [{"kind": kind.value, "count": count} for kind, count in kinds.items()]
