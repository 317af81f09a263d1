"""`GET /api/v1/jobs/{id}/notifications`: who would be told what about a job, by the same code that tells."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs.models import Job
from notifications.api.base import NotificationsViewSet
from notifications.fanout import explanation
from notifications.fanout.explanation import Explanation, KindAnswer
from notifications.fanout.standing import TargetLine
from notifications.rulebook.reader import KINDS, SEVERITIES
from scheduler_project.api.serializers import InstantField


class LineSerializer(serializers.Serializer[Any]):
    rule = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: the default rule as it came.")
    rule_name = serializers.CharField(read_only=True)
    user = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null: everybody in the tenant, or whom the channel reaches."
    )
    channel = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null: the inbox.")
    way = serializers.CharField(read_only=True, help_text="Name of the channel, or `Inbox`.")
    severity = serializers.ChoiceField(choices=SEVERITIES, read_only=True)
    told = serializers.BooleanField(read_only=True)
    why_not = serializers.CharField(read_only=True, help_text="Empty when it is told.")
    note = serializers.CharField(read_only=True, help_text="Why it would come later, or within another message.")
    not_before = InstantField(read_only=True, allow_null=True, help_text="When it would go out, if it happened now.")


class AnswerSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=KINDS, read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    title = serializers.CharField(read_only=True, help_text="What the message would be called.")
    now = serializers.CharField(read_only=True, help_text="How the job does, where that decides.")
    lines = LineSerializer(many=True, read_only=True, help_text="Who hears it, and who does not, by which rule.")


class NotificationExplanationSerializer(serializers.Serializer[Any]):
    at = InstantField(read_only=True)
    refusal = serializers.CharField(read_only=True, help_text="Why nothing is sent at all just now; else empty.")
    failures_in_row = serializers.IntegerField(read_only=True)
    failing_since = InstantField(read_only=True, allow_null=True)
    answers = AnswerSerializer(many=True, read_only=True)


class ExplanationViewSet(NotificationsViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = NotificationExplanationSerializer
    required_scopes = {"explain": Scope.SCHEDULER_READ}
    operation_ids = {"explain": "explain_notifications_of_job"}

    def explain(self, request: Request, pk: str) -> Response:
        """Who would be told what by which way if it happened to the job now, by which rule, and who not, with the
        reason: muted, no member, the rule asks for more failures in a row, another rule tells it."""
        found = explanation.explain(self.find(Job.objects.all(), pk))
        return Response(NotificationExplanationSerializer(_shown(found)).data)


def _shown(found: Explanation) -> dict[str, Any]:
    facts = {name: getattr(found, name) for name in ("at", "refusal", "failures_in_row", "failing_since")}
    return {**facts, "answers": [_answer(answer) for answer in found.answers]}


def _answer(answer: KindAnswer) -> dict[str, Any]:
    facts = {name: getattr(answer, name) for name in ("label", "title", "now")}
    return {**facts, "kind": answer.kind.value, "lines": [_line(line) for line in answer.lines]}


def _line(line: TargetLine) -> dict[str, Any]:
    facts = {name: getattr(line, name) for name in ("way", "why_not", "note", "not_before")}
    return {
        **facts,
        "rule": line.rule.rule_id,
        "rule_name": line.rule.name,
        "user": line.who if line.target.user_id is not None else None,
        "channel": line.target.channel_id,
        "severity": line.severity.value,
        "told": line.is_told,
    }
