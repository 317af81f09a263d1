"""`/api/v1/notification-deliveries`: what went out by channels or waits to, and what came back."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from notifications.api.base import NotificationsViewSet
from notifications.api.channel_output import SendingDetailSerializer, SendingSerializer
from notifications.api.parameters import SendingParameters
from notifications.channels.listing import find_deliveries
from notifications.models import Delivery
from notifications.sending import redelivery
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.serializers import StrictSerializer


class NotificationDeliveryViewSet(NotificationsViewSet):
    noun = "delivery"
    queryset = Delivery.objects.none()
    serializer_class = SendingDetailSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
        "redeliver": Scope.SCHEDULER_WRITE,
    }
    operation_ids = {
        "list": "list_notification_deliveries",
        "retrieve": "get_notification_delivery",
        "redeliver": "redeliver_notification",
    }
    parameters = {"list": SendingParameters}
    errors = {"redeliver": {409: "It waits to be sent already."}}

    @extend_schema(responses=SendingSerializer(many=True))
    def list(self, request: Request) -> Response:
        """What was sent in the last 30 days or waits to be, with what came back; the newest first."""
        rows = self.scoped(Delivery.objects.select_related("tenant").defer("facts"))
        return self.answer_page(find_deliveries(rows, **self.filters), SendingSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One delivery with what it says."""
        return Response(SendingDetailSerializer(self.find(_deliveries(), pk)).data)

    @extend_schema(request=None, responses={202: SendingDetailSerializer})
    @idempotent
    def redeliver(self, request: Request, pk: str) -> Response:
        """Send one that has ended again, under the same id and for another day."""
        self.read_body(StrictSerializer)
        delivery = self.find(Delivery.objects.only("id", "tenant_id"), pk)
        redelivery.redeliver(delivery.pk, actor=self.principal.label)
        shown = SendingDetailSerializer(_deliveries().get(pk=delivery.pk))
        return Response(shown.data, status=status.HTTP_202_ACCEPTED)


def _deliveries() -> QuerySet[Delivery]:
    return Delivery.objects.select_related("tenant", "channel")
