"""`/api/v1/webhooks`: addresses that hear how runs ended, and what became of each delivery."""

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
from jobs import narrowing, webhooks
from jobs.api.base import TenantEngineViewSet, split_body
from jobs.api.event_hooks import ONCE, RotationSerializer
from jobs.api.parameters import NamedParameters
from jobs.models import Webhook, WebhookDelivery
from jobs.rules.webhooks import DeliveryStatus
from scheduler_project.api.idempotency import idempotent, idempotent_once
from scheduler_project.api.serializers import InstantField, ObjectField, RowSerializer, StrictSerializer, TextField
from scheduler_project.api.views import TENANT_PARAMETER


class WebhookOptionsSerializer(StrictSerializer):
    tenant = TextField(
        required=False, max_length=63, help_text="For users with several tenants; the header `X-Tenant` does the same."
    )


class WebhookFieldsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=200)
    url = serializers.CharField(max_length=2_000, help_text="http or https, on a public address.")
    job = serializers.IntegerField(required=False, allow_null=True, help_text="Only runs of this job; null: of all.")
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=webhooks.EVENTS),
        required=False,
        help_text="Which ends of runs to tell of; those that went wrong unless told.",
    )
    enabled = serializers.BooleanField(required=False)


class WebhookCreationSerializer(WebhookOptionsSerializer, WebhookFieldsSerializer):
    pass


class WebhookSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    job = serializers.PrimaryKeyRelatedField[Any](read_only=True, allow_null=True)
    enabled = serializers.BooleanField(source="is_enabled", read_only=True)
    url = serializers.SerializerMethodField(
        help_text="Path and query may hold a secret: whoever may not change the webhook sees only its host."
    )

    class Meta:
        model = Webhook
        fields: tuple[str, ...] = (
            *("id", "tenant", "name", "url", "job", "events", "enabled", "failures_in_row", "previous_until"),
            *("created_at", "updated_at", "updated_by"),
        )
        read_only_fields = fields

    def get_url(self, webhook: Webhook) -> str:
        """Without a caller in the context, the answer goes to who has just written it."""
        view = self.context.get("view")
        may_see = view is None or view.principal.may(Scope.SCHEDULER_WRITE, webhook.tenant_id)
        return webhook.url if may_see else webhook.shown_url


class WebhookWithSecretSerializer(WebhookSerializer):
    secret = serializers.SerializerMethodField(help_text=ONCE)

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")
        read_only_fields = fields

    def get_secret(self, webhook: Webhook) -> str:
        return str(self.context["secret"])


class TrySerializer(serializers.Serializer[Any]):
    at = InstantField(read_only=True)
    seconds = serializers.FloatField(read_only=True)
    status = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The receiver's; null when no answer came."
    )
    answer = serializers.CharField(read_only=True, help_text="Its first 500 characters.")
    error = serializers.CharField(read_only=True)


class TestSerializer(TrySerializer):
    delivered = serializers.BooleanField(read_only=True)


class DeliverySerializer(RowSerializer):
    delivery = serializers.UUIDField(source="uid", read_only=True, help_text="What the receiver knows it by.")
    log = TrySerializer(many=True, read_only=True, help_text="The newest tries.")

    class Meta:
        model = WebhookDelivery
        fields: tuple[str, ...] = (
            *("id", "webhook_id", "delivery", "execution_id", "event", "status", "reason", "tries", "created_at"),
            *("next_try_at", "give_up_at", "ended_at", "log"),
        )
        read_only_fields = fields


class DeliveryDetailSerializer(DeliverySerializer):
    payload = ObjectField(read_only=True)

    class Meta(DeliverySerializer.Meta):
        fields = (*DeliverySerializer.Meta.fields, "payload")
        read_only_fields = fields


class WebhookParameters(NamedParameters):
    job = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1, help_text="Id of a job.")


class DeliveryParameters(StrictSerializer):
    status = serializers.ChoiceField(choices=[one.value for one in DeliveryStatus], required=False)
    execution = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)


class WebhookViewSet(TenantEngineViewSet):
    noun = "webhook"
    queryset = Webhook.objects.none()
    serializer_class = WebhookSerializer
    paged = frozenset({"list", "deliveries"})
    required_scopes = {
        **dict.fromkeys(("list", "retrieve", "deliveries"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("create", "partial_update", "destroy", "rotate", "test"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "list": "list_webhooks",
        "retrieve": "get_webhook",
        "create": "create_webhook",
        "partial_update": "change_webhook",
        "destroy": "delete_webhook",
        "rotate": "rotate_secret_of_webhook",
        "test": "test_webhook",
        "deliveries": "list_deliveries_of_webhook",
    }
    parameters = {"list": WebhookParameters, "deliveries": DeliveryParameters}
    version_field = "updated_at"
    errors = {"create": {409: "The tenant has as many webhooks as it can have."}}

    def list(self, request: Request) -> Response:
        """The webhooks of the caller's tenants."""
        of_job = {"job_id": self.filters.pop("job")} if "job" in self.filters else {}
        rows = self.scoped(_webhooks()).filter(**of_job)
        # Whoever does not see addresses may not find out by searching what is in them.
        readers = self.principal.tenant_ids(Scope.SCHEDULER_READ)
        sees_all = readers is None or all(self.principal.may(Scope.SCHEDULER_WRITE, tenant) for tenant in readers)
        found = narrowing.find_named(rows, also_in="url" if sees_all else "name", **self.filters)
        return self.answer_page(found, WebhookSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One webhook, without its secret."""
        return Response(WebhookSerializer(self.find(_webhooks(), pk), context=self.get_serializer_context()).data)

    @extend_schema(
        request=WebhookCreationSerializer,
        responses={201: WebhookWithSecretSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent_once
    def create(self, request: Request) -> Response:
        """A new webhook: it hears of what ends from now on. Only this answer holds its secret."""
        options, data = split_body(request, WebhookOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        webhook, secret = webhooks.create(data, tenant=tenant, actor=self.principal.label)
        return _with_secret(webhook.pk, secret, status.HTTP_201_CREATED)

    @extend_schema(request=WebhookFieldsSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names. While it is not enabled, nothing is sent and nothing new is kept."""
        webhook = self.find(_ids(), pk)
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(webhook):
            webhooks.change(webhook.pk, data, actor=self.principal.label)
        return Response(WebhookSerializer(_webhooks().get(pk=webhook.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the webhook with the log of its deliveries; what waits is not sent."""
        webhook = self.find(_ids(), pk)
        with self.unless_changed(webhook):
            webhooks.delete(webhook.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RotationSerializer, responses=WebhookWithSecretSerializer)
    @idempotent_once
    def rotate(self, request: Request, pk: str) -> Response:
        """A new secret, which only this answer holds. For `overlap_seconds` calls are signed with both."""
        webhook = self.find(_ids(), pk)
        overlap = timedelta(seconds=self.read_body(RotationSerializer)["overlap_seconds"])
        _, secret = webhooks.rotate(webhook.pk, actor=self.principal.label, overlap=overlap)
        return _with_secret(webhook.pk, secret)

    @extend_schema(request=None, responses=TestSerializer)
    def test(self, request: Request, pk: str) -> Response:
        """Send an example now, and answer what the receiver answered. It is not stored or tried again."""
        self.read_body(StrictSerializer)
        tried = webhooks.test(self.find(_webhooks(), pk), actor=self.principal.label)
        return Response(TestSerializer({**tried.to_json(), "at": tried.at, "delivered": tried.answer.is_taken}).data)

    @extend_schema(responses=DeliverySerializer(many=True))
    def deliveries(self, request: Request, pk: str) -> Response:
        """What was sent in the last 30 days or waits to be, with what came back; the newest first."""
        webhook = self.find(_ids(), pk)
        names = {"status": "status", "execution": "execution_id"}
        narrowed = {names[name]: value for name, value in self.filters.items()}
        found = WebhookDelivery.objects.filter(webhook=webhook, **narrowed).defer("payload").order_by("-id")
        return self.answer_page(found, DeliverySerializer)


class DeliveryViewSet(TenantEngineViewSet):
    noun = "delivery"
    queryset = WebhookDelivery.objects.none()
    serializer_class = DeliveryDetailSerializer
    required_scopes = {"retrieve": Scope.SCHEDULER_READ, "redeliver": Scope.SCHEDULER_WRITE}
    operation_ids = {"retrieve": "get_delivery", "redeliver": "redeliver"}
    errors = {"redeliver": {409: "It waits to be sent already."}}

    def retrieve(self, request: Request, pk: str) -> Response:
        """One delivery with what it says."""
        return Response(DeliveryDetailSerializer(self.find(WebhookDelivery.objects.all(), pk)).data)

    @extend_schema(request=None, responses={202: DeliveryDetailSerializer})
    @idempotent
    def redeliver(self, request: Request, pk: str) -> Response:
        """Send it again, under the same id and for another day."""
        self.read_body(StrictSerializer)
        delivery = self.find(WebhookDelivery.objects.only("id", "tenant_id"), pk)
        queued = webhooks.redeliver(delivery.pk, actor=self.principal.label)
        return Response(DeliveryDetailSerializer(queued).data, status=status.HTTP_202_ACCEPTED)


def _webhooks() -> QuerySet[Webhook]:
    return Webhook.objects.select_related("tenant", "job")


def _ids() -> QuerySet[Webhook]:
    return Webhook.objects.only("id", "tenant_id")


def _with_secret(webhook_id: int, secret: str, code: int = status.HTTP_200_OK) -> Response:
    shown = WebhookWithSecretSerializer(_webhooks().get(pk=webhook_id), context={"secret": secret})
    return Response(shown.data, status=code, headers={"Location": reverse("webhook-detail", args=[webhook_id])})
