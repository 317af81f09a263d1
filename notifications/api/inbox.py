"""`/api/v1/notifications`: the caller's inbox. A key has what is for all of its tenant, a person their own as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs.api.base import TenantEngineViewSet
from notifications.api.base import scope_for_oneself
from notifications.api.inbox_input import NotificationCreationSerializer, new_of
from notifications.api.inbox_output import CountSerializer, NotificationSerializer, UnreadSerializer
from notifications.api.parameters import ClearParameters, NotificationListParameters, WhichSerializer, wanted_of
from notifications.inbox import creating, following, marking, readers, reading
from notifications.inbox.readers import Reader
from notifications.models import Notification
from scheduler_project.api import keyset, refusals
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.pagination import EnvelopePagination, total_of, window
from scheduler_project.api.serializers import StrictSerializer
from scheduler_project.api.views import TENANT_PARAMETER

MOST_COUNTED = 10_000  # beyond, the total of a part is PostgreSQL's estimate; the number of unread ones never is
FOR_ONESELF = ("mark_read", "mark_all_read", "clear")


class InboxPagination(EnvelopePagination):
    """Pages of the two parts of an inbox as one list."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        parts: Sequence[QuerySet[Notification]] = queryset
        self.limit, self.offset = window(request.query_params.dict())
        keys = keyset.keys_of(Notification.objects.order_by(*reading.ORDER)) or ()
        place = keyset.place(request, keys)
        if place is None:
            found = reading.window(parts, self.offset, self.limit + 1)
        else:
            self.offset = place.offset
            found = reading.newest(
                parts, most=self.limit + 1, page=lambda part, most: keyset.page(part, keys, place, most=most)
            )
        self.has_more = len(found) > self.limit
        self.total, self.is_estimate = self._total_of_all(parts, len(found))
        shown = found[: self.limit]
        self.next_cursor = (
            keyset.token(request, shown[-1], keys, self.offset + self.limit) if self.has_more and shown else None
        )
        return shown

    def _total_of_all(self, parts: Sequence[QuerySet[Notification]], found: int) -> tuple[int, bool]:
        if not self.has_more and (found or not self.offset):
            return self.offset + found, False
        totals = [total_of(part, counted=MOST_COUNTED) for part in parts]
        return sum(total for total, _ in totals), any(is_estimate for _, is_estimate in totals)


class NotificationViewSet(TenantEngineViewSet):
    noun = "notification"
    queryset = Notification.objects.none()
    serializer_class = NotificationSerializer
    pagination_class = InboxPagination
    required_scopes = {
        **dict.fromkeys(("list", "retrieve", "unread"), Scope.NOTIFICATIONS_READ),
        # People in the console need notifications:read only for what concerns nobody but themselves.
        **dict.fromkeys(("create", *FOR_ONESELF), Scope.NOTIFICATIONS_WRITE),
    }
    operation_ids = {
        "list": "list_notifications",
        "retrieve": "get_notification",
        "unread": "count_unread_notifications",
        "create": "create_notification",
        "mark_read": "read_notification",
        "mark_all_read": "read_notifications",
        "clear": "clear_notifications",
    }
    parameters = {"list": NotificationListParameters, "mark_all_read": WhichSerializer, "clear": ClearParameters}
    errors = {"mark_read": {404: "The caller has no such notification."}}

    @property
    def scope(self) -> str:
        return self.asked_scope(self.request)

    def asked_scope(self, request: Request) -> str:
        return scope_for_oneself(request) if self.action in FOR_ONESELF else self.required_scopes[self.action]

    def list(self, request: Request) -> Response:
        """What the caller was told, newest first."""
        parts = reading.parts(self._reader, wanted_of(self.filters))
        context = {**self.get_serializer_context()}
        if self.wanted_fields:
            context["only"] = frozenset(self.wanted_fields)
        rows = self.paginate_queryset(parts)
        return self.get_paginated_response(NotificationSerializer(rows, many=True, context=context).data)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One notification."""
        row = reading.find(self._reader, int(pk))
        if row is None:
            raise self._refusal(pk)
        return Response(NotificationSerializer(row).data)

    @extend_schema(responses=UnreadSerializer)
    def unread(self, request: Request) -> Response:
        """How many the caller has not read, and where to begin to listen so that nothing is missed."""
        seq = following.place_now()  # first: what comes in between is counted, and heard of
        return Response(UnreadSerializer({"unread": reading.unread_count(self._reader), "seq": str(seq)}).data)

    @extend_schema(
        request=NotificationCreationSerializer,
        responses={201: NotificationSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Tell a member, or all members of the tenant."""
        body = self.read_body(NotificationCreationSerializer)
        tenant = self.tenant_to_write_to(body.get("tenant"))
        made = creating.create(new_of(body), tenant=tenant, actor=self.principal.label)
        answer = Response(NotificationSerializer(made).data, status=status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("notification-detail", args=[made.pk])
        return answer

    @extend_schema(request=None, responses=NotificationSerializer)
    def mark_read(self, request: Request, pk: str) -> Response:
        """The caller has read it. Once more changes nothing; other readers are not concerned."""
        row = marking.read_one(self._reader, int(pk))
        if row is None:
            raise self._refusal(pk)
        return Response(NotificationSerializer(row).data)

    @extend_schema(request=None, responses=CountSerializer)
    def mark_all_read(self, request: Request) -> Response:
        """The caller has read all of them, or those that the query asks for."""
        self.read_body(StrictSerializer)
        count = marking.read_all(self._reader, wanted_of(self.filters))
        return Response(CountSerializer({"count": count}).data)

    @extend_schema(responses={200: CountSerializer})
    def clear(self, request: Request) -> Response:
        """Take away what the caller has read, or with `which=all` all that the query asks for. Others keep theirs."""
        unread_too = self.filters["which"] == "all"
        count = marking.clear(self._reader, wanted_of(self.filters), unread_too=unread_too)
        return Response(CountSerializer({"count": count}).data)

    @property
    def _reader(self) -> Reader:
        return readers.of_principal(self.principal, self.scope)

    def _refusal(self, pk: str) -> Exception:
        """Of other people's there are none, for the caller; of other tenants' it is said whose they are."""
        addressed = Q(user=None) | Q(user_id=self._reader.user_id) if self._reader.user_id else Q(user=None)
        rows = Notification.objects.filter(addressed, pk=int(pk))
        tenant_id = rows.values_list("tenant_id", flat=True).first()
        if tenant_id is None or self.principal.may(self.scope, tenant_id):  # gone, or taken away by the caller
            return NotFound(f"There is no notification {pk}.")
        return refusals.of_row(self.principal, self.scope, noun=self.noun, pk=pk, tenant_id=tenant_id)
