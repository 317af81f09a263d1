"""`/api/v1/hooks/<public id>`: the address that a sender outside calls. It needs no key: the body is signed."""

from __future__ import annotations

import io
from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from jobs import hooks
from jobs.api.base import answer_for
from jobs.api.broker import refuse_without_broker
from jobs.tick import publisher
from scheduler_project.api.errors import ApiError, Invalid, TooLarge
from scheduler_project.api.parsers import StrictJSONParser
from scheduler_project.api.serializers import ErrorSerializer
from scheduler_project.lib import signatures

MOST = 65_536
GITHUB_HEADER, DELIVERY_HEADERS = "X-Hub-Signature-256", ("X-Daybook-Delivery", "X-GitHub-Delivery")
MOST_DELIVERY = 200


class BadCall(ApiError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "bad_signature"
    auth_header = f'Signature realm="daybook", headers="{signatures.HEADER}"'


class HookAnswerSerializer(serializers.Serializer[Any]):
    execution_id = serializers.IntegerField(read_only=True)
    repeated = serializers.BooleanField(read_only=True, help_text="The call came before, and this is the run of then.")


class HookView(APIView):
    is_public: ClassVar[bool] = True
    authentication_classes = ()
    permission_classes = ()
    limit_class: ClassVar[str] = "hooks"
    http_method_names = ["post"]

    @extend_schema(
        operation_id="call_hook",
        auth=[],
        request=OpenApiTypes.OBJECT,
        parameters=[
            OpenApiParameter("public_id", str, OpenApiParameter.PATH),
            OpenApiParameter(
                signatures.HEADER,
                str,
                OpenApiParameter.HEADER,
                description="`t=<unix seconds>,v1=<hexadecimal HMAC-SHA256 of '<t>.<body>'>`",
            ),
            OpenApiParameter(
                DELIVERY_HEADERS[0],
                str,
                OpenApiParameter.HEADER,
                description="The sender's id of the event: the same when it is sent again.",
            ),
        ],
        responses={
            200: OpenApiResponse(HookAnswerSerializer, description="The call came before; nothing new was started."),
            202: HookAnswerSerializer,
            400: OpenApiResponse(ErrorSerializer, description="The body is not what the job's parameters need."),
            401: OpenApiResponse(ErrorSerializer, description="There is no such hook, or the signature is not good."),
            404: OpenApiResponse(ErrorSerializer, description="The path is not one that a hook can have."),
            409: OpenApiResponse(ErrorSerializer, description="The hook or its job is switched off."),
            413: OpenApiResponse(ErrorSerializer, description=f"The body is larger than {MOST} bytes."),
            429: OpenApiResponse(ErrorSerializer, description="Too many calls in the last minute."),
            503: OpenApiResponse(ErrorSerializer, description="The queue is full."),
        },
    )
    def post(self, request: Request, public_id: str) -> Response:
        """Start a run of the hook's job. A repetition of a call starts nothing and answers with its run."""
        refuse_without_broker()
        call = hooks.Call(
            public_id,
            _read_body(request),
            signature=request.headers.get(signatures.HEADER, ""),
            github_signature=request.headers.get(GITHUB_HEADER, ""),
            delivery=_delivery(request),
            request_id=str(request.META.get("DAYBOOK_REQUEST_ID", "")),
        )
        received = hooks.receive(call, _parse)
        if not received.is_repetition:
            publisher.announce_soon([received.execution_id])
        answer = {"execution_id": received.execution_id, "repeated": received.is_repetition}
        return Response(
            answer,
            status=status.HTTP_200_OK if received.is_repetition else status.HTTP_202_ACCEPTED,
            headers={
                "Location": reverse("execution-detail", args=[received.execution_id]),
                "Cache-Control": "no-store",
            },
        )

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, hooks.Unauthenticated):
            return super().handle_exception(BadCall(str(exc)))
        if isinstance(exc, hooks.TooManyCalls):
            throttled = Throttled(exc.wait)
            throttled.detail = str(exc)  # type: ignore[assignment]
            return super().handle_exception(throttled)
        return super().handle_exception(answer_for(exc))


def _read_body(request: Request) -> bytes:
    body: bytes = request._request.read(MOST + 1)  # never more, whatever length the sender gives or leaves out
    if len(body) > MOST:
        raise TooLarge(f"The body is larger than {MOST} bytes.")
    return body


def _parse(body: bytes) -> Any:
    """An empty body says nothing, which is an object without anything in it."""
    return StrictJSONParser().parse(io.BytesIO(body)) if body.strip() else {}


def _delivery(request: Request) -> str:
    delivery = next((request.headers[name] for name in DELIVERY_HEADERS if request.headers.get(name)), "")
    if len(delivery) > MOST_DELIVERY:
        raise Invalid({DELIVERY_HEADERS[0]: [f"Write at most {MOST_DELIVERY} characters."]})
    return str(delivery)
