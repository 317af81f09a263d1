"""`/api/v1/live`: what happens as server-sent events, and tickets for WebSockets that can send no header."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from notifications.live import bounds, entrance, followed, sse, tickets, topics
from notifications.live.credentials import Credentials
from scheduler_project.api.authentication import ApiKeyAuthentication
from scheduler_project.api.errors import Busy, Invalid, NotProvisioned
from scheduler_project.api.principal import Principal
from scheduler_project.api.serializers import StrictSerializer
from scheduler_project.api.views import ApiViewSet
from scheduler_project.lib.quick_redis import RedisIsAway

MOST_TEXT = 8_000


class TicketAuthentication(ApiKeyAuthentication):
    """`?ticket=…`, for the stream alone: a ticket opens nothing else, and nothing twice."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, Principal] | None:
        if request.method != "GET" or "ticket" not in request.query_params:
            return None
        credentials = entrance.credentials_of(request._request, is_stream=True)
        request._request.live_credentials = credentials  # type: ignore[attr-defined]
        return AnonymousUser(), credentials.principal()


class TicketScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "notifications.api.live.TicketAuthentication"
    name = "ticket"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        about = "For browsers: a ticket of POST /api/v1/live/tickets, good for one connection within 30 seconds."
        return {"type": "apiKey", "in": "query", "name": "ticket", "description": about}


class EventStreamRenderer(JSONRenderer):
    """Lets a client ask for `text/event-stream`; errors are JSON all the same."""

    media_type = "text/event-stream"
    format = "event-stream"


class LiveParameters(StrictSerializer):
    topics = serializers.CharField(max_length=MOST_TEXT, help_text=f"Separated by commas: {topics.KNOWN}.")
    since = serializers.CharField(
        max_length=MOST_TEXT,
        default="",
        help_text="For runs and notifications: where to go on, as the last event's `id` said. A browser sends it as "
        "`Last-Event-ID`.",
    )
    ticket = serializers.CharField(max_length=100, required=False, help_text="Instead of a header.")


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(read_only=True, help_text="For `/ws/live?ticket=…` or `/api/v1/live?ticket=…`.")
    expires_in = serializers.IntegerField(read_only=True, help_text="Seconds.")


class LiveViewSet(ApiViewSet):
    authentication_classes = [TicketAuthentication, *ApiViewSet.authentication_classes]
    renderer_classes = [JSONRenderer, EventStreamRenderer]
    serializer_class = TicketSerializer
    required_scopes = {"stream": Scope.SCHEDULER_READ, "issue": Scope.SCHEDULER_READ}
    operation_ids = {"stream": "listen", "issue": "create_live_ticket"}
    parameters = {"stream": LiveParameters}
    errors = {
        "stream": {
            404: "There is no such job or execution.",
            429: "The caller has as many live connections as it may have.",
            501: "The web process cannot stream (it was started as WSGI).",
        },
        "issue": {503: "Tickets cannot be kept just now."},
    }

    def asked_scope(self, request: Request) -> str:
        """Who only sees notifications may listen to them, and to nothing else; see `topics.may_listen`."""
        held = self.principal.held
        sees_only_these = Scope.NOTIFICATIONS_READ in held and Scope.SCHEDULER_READ not in held
        may_be_these = self.action == "issue" or request.query_params.get("topics") == "notifications"
        return Scope.NOTIFICATIONS_READ if sees_only_these and may_be_these else Scope.SCHEDULER_READ

    @extend_schema(
        responses={(200, "text/event-stream"): OpenApiResponse(str, description="Messages, each as one event.")}
    )
    def stream(self, request: Request) -> HttpResponseBase:
        """What happens under some topics, as it happens. The messages are those of the WebSocket `/ws/live`."""
        names = [name.strip() for name in self.filters["topics"].split(",")]
        if len(names) > bounds.TOPICS:
            raise Invalid({"topics": [f"At most {bounds.TOPICS} topics."]})
        since = sse.split_places(request.headers.get("Last-Event-ID", "") or self.filters["since"])
        wanted = list(dict.fromkeys(map(topics.read, names)))
        places = followed.read_places(since, wanted)
        credentials = getattr(request._request, "live_credentials", None)
        credentials = credentials or entrance.credentials_of(request._request, is_stream=True)
        grants = [topics.may_listen(self.principal, topic) for topic in wanted]
        if not hasattr(request._request, "scope"):
            raise NotProvisioned("Streams need an ASGI server; this process was started as WSGI.")
        caller = entrance.admit(credentials)
        connection.close()  # back to the pool: a stream lasts long and asks for its own
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(
            sse.stream(caller, grants, places), content_type="text/event-stream", headers=headers
        )

    @extend_schema(request=None, responses={201: TicketSerializer})
    def issue(self, request: Request) -> Response:
        """A ticket for one WebSocket or stream within 30 seconds, with the rights of whoever asks. So a browser need
        not put a key into an address."""
        self.read_body(StrictSerializer)
        try:
            ticket = tickets.issue(Credentials.of(request._request))
        except RedisIsAway:
            raise Busy("Tickets cannot be kept just now.", code="unavailable", wait=2) from None
        found = {"ticket": ticket, "expires_in": int(tickets.LIFETIME.total_seconds())}
        return Response(TicketSerializer(found).data, status=status.HTTP_201_CREATED)
