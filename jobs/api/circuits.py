"""`/api/v1/circuits`: which mail servers and hosts are not called at the moment, since they failed too often."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import circuits
from jobs.api.base import EngineViewSet
from scheduler_project.api.refusals import require_superuser
from scheduler_project.api.serializers import InstantField, StrictSerializer
from scheduler_project.lib.circuits import State


class CircuitSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(source="circuit.name", read_only=True, help_text="`mail`, or `http:` and a host.")
    state = serializers.ChoiceField(
        choices=[state.value for state in State],
        source="circuit.state.value",
        read_only=True,
        help_text="Open: nobody calls it, and runs that need it wait. Half open: the next call is a trial.",
    )
    failures = serializers.IntegerField(source="circuit.failures", read_only=True, help_text="In a row, until now.")
    opened_at = InstantField(source="circuit.opened_at", read_only=True, allow_null=True)
    retry_at = InstantField(
        source="circuit.retry_at", read_only=True, allow_null=True, help_text="When a trial is let through."
    )
    changed_at = InstantField(read_only=True, allow_null=True, help_text="Its last change; null when there was none.")
    why = serializers.CharField(read_only=True, help_text="What changed it: the last error, or who closed it.")


class CircuitViewSet(EngineViewSet):
    required_scopes = {"list": Scope.SCHEDULER_READ, "reset": Scope.SCHEDULER_WRITE}
    operation_ids = {"list": "list_circuits", "reset": "reset_circuit"}
    serializer_class = CircuitSerializer

    def list(self, request: Request) -> Response:
        """Mail, and for superusers each host that ever failed too often: hosts tell what other tenants do."""
        known = circuits.list_known()
        seen = known if self.principal.is_superuser else [one for one in known if one.circuit.name == circuits.MAIL]
        return self.get_paginated_response(CircuitSerializer(self.paginate_queryset(seen), many=True).data)

    @extend_schema(request=None, responses=CircuitSerializer)
    def reset(self, request: Request, name: str) -> Response:
        """Close it, so that the next call is made."""
        self.read_body(StrictSerializer)
        require_superuser(
            self.principal,
            "A circuit is shared by all tenants, so only superusers close one",
            instead="It lets a trial through by itself at `retry_at`.",
        )
        try:
            return Response(CircuitSerializer(circuits.reset(name, by=self.principal.label)).data)
        except circuits.UnknownCircuit as error:
            raise NotFound(str(error)) from None
