"""`/api/v1/event-hooks`: the addresses at which signed calls from outside start runs of a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import hooks
from jobs.api.base import TenantEngineViewSet, split_body
from jobs.hooks.changes import LONGEST_OVERLAP
from jobs.hooks.reader import MOST_CALLS
from jobs.models import EventHook, HookCall, Job
from scheduler_project.api.idempotency import idempotent_once
from scheduler_project.api.serializers import ObjectField, RowSerializer, StrictSerializer, WholeNumberField

ONCE = "The secret, shown this once: it cannot be had again."


class HookFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    enabled = serializers.BooleanField(required=False)
    accepts_github = serializers.BooleanField(
        required=False, help_text="Calls signed as GitHub signs them (`X-Hub-Signature-256`) are good as well."
    )
    mapping = ObjectField(
        required=False, help_text='JSON pointers into the body, by parameter: `{"text": "/head_commit/message"}`.'
    )
    body_parameter = serializers.CharField(required=False, help_text="The parameter that takes the whole body.")
    calls_per_minute = serializers.IntegerField(required=False, min_value=1, max_value=MOST_CALLS)


class RotationSerializer(StrictSerializer):
    overlap_seconds = WholeNumberField(
        default=0,
        min_value=0,
        max_value=int(LONGEST_OVERLAP.total_seconds()),
        help_text="For so long the former secret is good as well.",
    )


class EventHookSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    job = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    enabled = serializers.BooleanField(source="is_enabled", read_only=True)
    mapping = ObjectField(read_only=True)
    path = serializers.SerializerMethodField(help_text="Where senders call it.")

    class Meta:
        model = EventHook
        fields: tuple[str, ...] = (
            *("id", "tenant", "job", "name", "path", "enabled", "accepts_github", "mapping", "body_parameter"),
            *("calls_per_minute", "previous_until", "created_at", "updated_at", "updated_by"),
            *("refused_at", "refused_because"),
        )
        read_only_fields = fields

    def get_path(self, hook: EventHook) -> str:
        return reverse("hook-call", args=[hook.public_id])


class EventHookWithSecretSerializer(EventHookSerializer):
    secret = serializers.SerializerMethodField(help_text=ONCE)

    class Meta(EventHookSerializer.Meta):
        fields = (*EventHookSerializer.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, hook: EventHook) -> str:
        return str(self.context["secret"])


class HookCallSerializer(RowSerializer):
    class Meta:
        model = HookCall
        fields = ("id", "at", "outcome", "message", "execution_id", "request_id")
        read_only_fields = fields


class JobHookViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = EventHookSerializer
    required_scopes = {"list": Scope.SCHEDULER_READ, "create": Scope.SCHEDULER_WRITE}
    operation_ids = {"list": "list_event_hooks", "create": "create_event_hook"}
    errors = {"create": {409: "The job is archived, or has as many hooks as it can have."}}

    def list(self, request: Request, pk: str) -> Response:
        """The event hooks of a job."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        return self.answer_page(_hooks().filter(job_id=job.pk).order_by("name", "id"), EventHookSerializer)

    @extend_schema(request=HookFieldsSerializer, responses={201: EventHookWithSecretSerializer})
    @idempotent_once
    def create(self, request: Request, pk: str) -> Response:
        """A new address that starts runs of the job. Only this answer holds its secret."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        _, data = split_body(request, StrictSerializer)
        hook, secret = hooks.create(job.pk, data, actor=self.principal.label)
        return _with_secret(hook.pk, secret, status.HTTP_201_CREATED)


class EventHookViewSet(TenantEngineViewSet):
    noun = "event hook"
    queryset = EventHook.objects.none()
    serializer_class = EventHookSerializer
    paged = frozenset({"calls"})
    required_scopes = {
        **dict.fromkeys(("retrieve", "calls"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("partial_update", "destroy", "rotate"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "retrieve": "get_event_hook",
        "partial_update": "change_event_hook",
        "destroy": "delete_event_hook",
        "rotate": "rotate_secret_of_event_hook",
        "calls": "list_calls_of_event_hook",
    }
    version_field = "updated_at"

    def retrieve(self, request: Request, pk: str) -> Response:
        """One event hook, without its secret."""
        return Response(EventHookSerializer(self.find(_hooks(), pk)).data)

    @extend_schema(request=HookFieldsSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names, each as a whole."""
        hook = self.find(_ids(), pk)
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(hook):
            hooks.change(hook.pk, data, actor=self.principal.label)
        return Response(EventHookSerializer(_hooks().get(pk=hook.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the hook; its address answers nobody any more. What it started stays."""
        hook = self.find(_ids(), pk)
        with self.unless_changed(hook):
            hooks.delete(hook.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RotationSerializer, responses=EventHookWithSecretSerializer)
    @idempotent_once
    def rotate(self, request: Request, pk: str) -> Response:
        """A new secret, which only this answer holds. The former one is good for `overlap_seconds` more."""
        hook = self.find(_ids(), pk)
        overlap = timedelta(seconds=self.read_body(RotationSerializer)["overlap_seconds"])
        _, secret = hooks.rotate(hook.pk, actor=self.principal.label, overlap=overlap)
        return _with_secret(hook.pk, secret)

    @extend_schema(responses=HookCallSerializer(many=True))
    def calls(self, request: Request, pk: str) -> Response:
        """The calls of the last 30 days that were signed well, and what became of them; the newest first."""
        hook = self.find(_ids(), pk)
        return self.answer_page(HookCall.objects.filter(hook=hook).order_by("-id"), HookCallSerializer)


def _hooks() -> QuerySet[EventHook]:
    return EventHook.objects.select_related("tenant")


def _ids() -> QuerySet[EventHook]:
    return EventHook.objects.only("id", "tenant_id")


def _with_secret(hook_id: int, secret: str, code: int = status.HTTP_200_OK) -> Response:
    shown = EventHookWithSecretSerializer(_hooks().get(pk=hook_id), context={"secret": secret})
    return Response(shown.data, status=code, headers={"Location": reverse("event-hook-detail", args=[hook_id])})
