"""`/api/v1/scheduler/maintenance`: hold everything back. It concerns all tenants, so only superusers switch it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import maintenance
from jobs.api.base import EngineViewSet
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.refusals import require_superuser
from scheduler_project.api.serializers import InstantField, StrictSerializer, TextField


class MaintenanceStartSerializer(StrictSerializer):
    note = TextField(max_length=maintenance.MOST_NOTE, help_text="Why; everybody whose jobs do not run reads it.")
    until = InstantField(required=False, allow_null=True, default=None, help_text="Ends by itself here.")


class MaintenanceSerializer(serializers.Serializer[Any]):
    is_open = serializers.BooleanField(read_only=True, help_text="While it is, every due tick is skipped.")
    started_at = InstantField(read_only=True, allow_null=True)
    started_by = serializers.CharField(read_only=True, allow_null=True)
    note = serializers.CharField(read_only=True, allow_null=True)
    until = InstantField(read_only=True, allow_null=True, help_text="None: until somebody ends it.")


class MaintenanceViewSet(EngineViewSet):
    required_scopes = {
        "retrieve": Scope.SCHEDULER_READ,
        **dict.fromkeys(("start", "end"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {"retrieve": "get_maintenance", "start": "start_maintenance", "end": "end_maintenance"}
    serializer_class = MaintenanceSerializer
    errors = {
        "start": {409: "The system is under maintenance already."},
        "end": {409: "The system is not under maintenance."},
    }

    def retrieve(self, request: Request) -> Response:
        """Whether the whole system is under maintenance, since when, by whom and why."""
        return Response(_shown())

    @extend_schema(request=MaintenanceStartSerializer, responses={201: MaintenanceSerializer})
    @idempotent
    def start(self, request: Request) -> Response:
        """From now on every tick of every tenant is recorded as skipped. Runs that go on are left alone."""
        self._require_superuser()
        maintenance.start(actor=self.principal.label, **self.read_body(MaintenanceStartSerializer))
        return Response(_shown(), status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def end(self, request: Request) -> Response:
        """Ticks that are due from now on fire again; what was skipped stays so."""
        self._require_superuser()
        maintenance.end(actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _require_superuser(self) -> None:
        require_superuser(
            self.principal,
            "Maintenance holds every tenant's jobs back, so only superusers start and end it",
            instead="To hold one job back, pause it.",
        )


def _shown() -> dict[str, Any]:
    window = maintenance.current()
    values = {name: getattr(window, name, None) for name in ("started_at", "started_by", "note", "until")}
    return MaintenanceSerializer({"is_open": window is not None, **values}).data
