"""`/api/v1/notification-channels`: the ways out of the house, and trying them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs.api.base import split_body
from jobs.api.event_hooks import RotationSerializer
from notifications.api.base import NotificationsViewSet
from notifications.api.channel_input import (
    ChannelCreationSerializer,
    ChannelFieldsSerializer,
    ChannelOptionsSerializer,
    ChannelPreviewSerializer,
)
from notifications.api.channel_output import (
    ChannelPreviewedSerializer,
    ChannelSerializer,
    ChannelTestSerializer,
    ChannelWithSecretSerializer,
)
from notifications.api.parameters import ChannelParameters
from notifications.channels import changes, trials
from notifications.channels.listing import channels, find_channels
from notifications.channels.pace import MinuteIsSpent
from notifications.models import Channel, Delivery
from notifications.rules.answers import Came
from notifications.rules.kinds import ChannelKind
from scheduler_project.api.errors import Invalid
from scheduler_project.api.idempotency import idempotent_once
from scheduler_project.api.serializers import StrictSerializer
from scheduler_project.api.views import TENANT_PARAMETER


class ChannelViewSet(NotificationsViewSet):
    noun = "channel"
    queryset = Channel.objects.none()
    serializer_class = ChannelSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("create", "partial_update", "destroy", "rotate", "test", "preview"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "list": "list_notification_channels",
        "retrieve": "get_notification_channel",
        "create": "create_notification_channel",
        "partial_update": "change_notification_channel",
        "destroy": "delete_notification_channel",
        "rotate": "rotate_secret_of_notification_channel",
        "test": "test_notification_channel",
        "preview": "preview_notification_channel",
    }
    parameters = {"list": ChannelParameters}
    version_field = "updated_at"
    errors = {
        "create": {409: "The tenant has as many channels as it can have."},
        "rotate": {409: "Channels of this kind sign nothing."},
        "test": {
            409: "Notifications are switched off.",
            429: "The channel has sent as much in this minute as it may; or too many requests.",
        },
    }

    def list(self, request: Request) -> Response:
        """The channels of the caller's tenants, without their secrets."""
        return self.answer_page(find_channels(self.scoped(channels()), **self.filters), ChannelSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One channel, without its secrets."""
        return Response(ChannelSerializer(self.find(channels(), pk), context=self.get_serializer_context()).data)

    @extend_schema(
        request=ChannelCreationSerializer,
        responses={201: ChannelWithSecretSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent_once
    def create(self, request: Request) -> Response:
        """A new channel; rules may send by it from now on. A webhook signs its calls: only this answer holds the
        secret."""
        options, data = split_body(request, ChannelOptionsSerializer)
        tenant = self.tenant_to_write_to(options.get("tenant"))
        channel, secret = changes.create(data, tenant=tenant, actor=self.principal.label)
        return _with_secret(channel.pk, secret, status.HTTP_201_CREATED)

    @extend_schema(request=ChannelFieldsSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names, and of `config` the settings that it names. What waits goes out as
        the channel is then; while it is not enabled, it goes on waiting."""
        channel = self.find(_ids(), pk)
        _, data = split_body(request, StrictSerializer)
        with self.unless_changed(channel):
            changes.change(channel.pk, data, actor=self.principal.label)
        return Response(ChannelSerializer(channels().get(pk=channel.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the channel with the log of its deliveries; what waits is not sent, and rules forget the channel."""
        channel = self.find(_ids(), pk)
        with self.unless_changed(channel):
            changes.delete(channel.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RotationSerializer, responses=ChannelWithSecretSerializer)
    @idempotent_once
    def rotate(self, request: Request, pk: str) -> Response:
        """Of a webhook: a new secret to sign with, which only this answer holds. For `overlap_seconds` calls are signed
        with both."""
        channel = self.find(_ids(), pk)
        overlap = timedelta(seconds=self.read_body(RotationSerializer)["overlap_seconds"])
        _, secret = changes.rotate(channel.pk, actor=self.principal.label, overlap=overlap)
        return _with_secret(channel.pk, secret)

    @extend_schema(request=None, responses=ChannelTestSerializer)
    def test(self, request: Request, pk: str) -> Response:
        """Send a message now, and answer what the receiver answered. Mail for a rule's people goes to the caller. It is
        not stored or tried again, and counts in the channel's minute."""
        self.read_body(StrictSerializer)
        channel = self.find(channels(), pk)
        address = str(getattr(self.principal.user, "email", "") or "")
        try:
            tried = trials.send_test(channel, actor=self.principal.label, to=address)
        except MinuteIsSpent as error:
            raise Throttled(error.wait, str(error)) from None
        taken = tried.answer.came is Came.TAKEN
        return Response(ChannelTestSerializer({**tried.to_json(), "at": tried.at, "delivered": taken}).data)

    @extend_schema(request=ChannelPreviewSerializer, responses=ChannelPreviewedSerializer)
    def preview(self, request: Request, pk: str) -> Response:
        """What would be sent of an example, or of a delivery that there is, with the channel's words or with others.
        Nothing is sent or stored."""
        asked = self.read_body(ChannelPreviewSerializer)
        channel = self.find(channels(), pk)
        words = {name: asked.get(name) for name in ("title_text", "body_text")}
        if "delivery" in asked:
            delivery = Delivery.objects.filter(channel=channel, pk=asked["delivery"]).select_related("channel").first()
            if delivery is None:
                raise Invalid({"delivery": [f"The channel has no delivery {asked['delivery']}."]})
            return Response(ChannelPreviewedSerializer(trials.preview_of(delivery, **words)).data)
        found = trials.preview(
            ChannelKind(channel.kind),
            tenant=channel.tenant.slug,
            config=channel.config,
            title_text=channel.title_text if words["title_text"] is None else words["title_text"],
            body_text=channel.body_text if words["body_text"] is None else words["body_text"],
            about=asked["about"],
            count=asked["count"],
        )
        return Response(ChannelPreviewedSerializer(found).data)


def _ids() -> QuerySet[Channel]:
    return Channel.objects.only("id", "tenant_id")


def _with_secret(channel_id: int, secret: str, code: int = status.HTTP_200_OK) -> Response:
    shown = ChannelWithSecretSerializer(channels().get(pk=channel_id), context={"secret": secret})
    return Response(shown.data, status=code, headers={"Location": reverse("channel-detail", args=[channel_id])})
