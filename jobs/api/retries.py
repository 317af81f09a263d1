"""`/api/v1/executions/{id}/retry-now` and `/give-up`: not to wait for the next try any longer, or for no try at all."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import executions
from jobs.api.execution_output import ExecutionDetailSerializer
from jobs.api.executions import ExecutionViewSet
from jobs.models import Execution
from jobs.tick import publisher
from scheduler_project.api.serializers import StrictSerializer

CONFLICT = {409: "The execution does not wait for another try."}


class RetryViewSet(ExecutionViewSet):
    required_scopes = {"retry_now": Scope.SCHEDULER_RUN, "give_up": Scope.SCHEDULER_RUN}
    operation_ids = {"retry_now": "retry_execution_now", "give_up": "give_up_execution"}
    errors = {"retry_now": CONFLICT, "give_up": CONFLICT}

    @extend_schema(request=None, responses=ExecutionDetailSerializer)
    def retry_now(self, request: Request, pk: str) -> Response:
        """Let a run that has failed and waits for its next try start at once."""
        execution = self._waiting(pk)
        executions.retry_now(execution.pk, by=self.principal.label)
        publisher.announce_soon([execution.pk])
        return self._shown(pk)

    @extend_schema(request=None, responses=ExecutionDetailSerializer)
    def give_up(self, request: Request, pk: str) -> Response:
        """End a run that waits for its next try. It is dead then, and leaves a dead letter."""
        execution = self._waiting(pk)
        executions.give_up(execution.pk, by=self.principal.label)
        return self._shown(pk)

    def _waiting(self, pk: str) -> Execution:
        self.read_body(StrictSerializer)
        return self.find(Execution.objects.only("id", "tenant_id"), pk)
