"""`/api/v1/audit` and `/api/v1/requests`: who changed what, and every call of the API. Both are only read."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.audit_output import (
    EntryParameters,
    EntrySerializer,
    ExportParameters,
    RequestParameters,
    RequestSerializer,
    SampleParameters,
    SampleSerializer,
    StateSerializer,
)
from accounts.audit import exporting, reading
from accounts.audit.reading import DEFAULT_WINDOW, LONGEST_EXPORT
from accounts.models import ApiRequest, AuditEntry
from accounts.scopes import Scope
from scheduler_project.api.errors import Invalid
from scheduler_project.api.views import TenantScopedViewSet


class AuditViewSet(TenantScopedViewSet):
    """Entries of no tenant are for superusers: they concern all of them."""

    noun = "audit entry"
    queryset = AuditEntry.objects.none()
    serializer_class = EntrySerializer
    required_scopes = dict.fromkeys(("list", "retrieve", "sample", "export", "seal"), Scope.AUDIT_READ)
    operation_ids = {
        "list": "list_audit_entries",
        "retrieve": "get_audit_entry",
        "sample": "sample_audit_entries",
        "export": "export_audit_entries",
        "seal": "get_audit_seal",
    }
    parameters = {"list": EntryParameters, "sample": SampleParameters, "export": ExportParameters}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """An export is what `format` says, whatever `Accept` does."""
        return super().perform_content_negotiation(request, force=force or self.action == "export")

    def list(self, request: Request) -> Response:
        """Who changed what, when and from where; the newest first."""
        return self.answer_page(reading.find(self._entries(), **self.filters), EntrySerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One entry."""
        return Response(EntrySerializer(self.find(_entries(), pk)).data)

    @extend_schema(responses=SampleSerializer)
    def sample(self, request: Request) -> Response:
        """Entries drawn at random, for review: of the last 31 days unless `since` says otherwise."""
        size = self.filters.pop("size")
        self.filters.setdefault("since", (self.filters.get("until") or timezone.now()) - DEFAULT_WINDOW)
        found = reading.sample(reading.find(self._entries(), **self.filters), size)
        return Response(SampleSerializer({"results": found}).data)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiTypes.STR, (200, "application/x-ndjson"): OpenApiTypes.STR},
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """All entries of a window of 366 days at most, the oldest first: the last 31 days unless told otherwise."""
        form = self.filters.pop("format")
        until = self.filters.setdefault("until", timezone.now())
        since = self.filters.setdefault("since", until - DEFAULT_WINDOW)
        if until - since > LONGEST_EXPORT:
            raise Invalid({"since": [f"Export at most {LONGEST_EXPORT.days} days at once; write a later instant."]})
        entries = reading.find(self._entries(), **self.filters)
        return exporting.attachment(request._request, entries, form, since=since, until=until)

    @extend_schema(responses=StateSerializer)
    def seal(self, request: Request) -> Response:
        """How far the trail is sealed, and the head of its chain. `manage.py verify_audit --head` checks it later."""
        return Response(StateSerializer(reading.state()).data)

    def _entries(self) -> QuerySet[AuditEntry]:
        return self.scoped(_entries())


class RequestViewSet(TenantScopedViewSet):
    noun = "request"
    queryset = ApiRequest.objects.none()
    serializer_class = RequestSerializer
    required_scopes = {"list": Scope.AUDIT_READ}
    operation_ids = {"list": "list_requests"}
    parameters = {"list": RequestParameters}

    def list(self, request: Request) -> Response:
        """Every call of the API within the last days, reads too; the newest first. A call is here seconds later."""
        named = dict(self.filters)
        found = self.scoped(ApiRequest.objects.select_related("tenant"))
        lookups = {"since": "at__gte", "until": "at__lt", "tenant": "tenant__slug", "before": "id__lt"}
        lookups["least_milliseconds"] = "milliseconds__gte"
        found = found.filter(**{lookups.get(name, name): value for name, value in named.items()})
        return self.answer_page(found.order_by("-id"), RequestSerializer)


def _entries() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.select_related("tenant")
