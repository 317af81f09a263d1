"""What belongs to one job: `/api/v1/jobs/{id}/` with `executions`, `ticks`, `revisions` and `preview`."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import narrowing, outlook
from jobs.api.base import TenantEngineViewSet
from jobs.api.execution_output import ExecutionSerializer
from jobs.api.executions import listed_executions
from jobs.api.job_output import JobPreviewSerializer, RevisionSerializer, TickSerializer
from jobs.api.parameters import JobExecutionListParameters, PreviewParameters, TickParameters
from jobs.models import Job, JobRevision, Tick
from scheduler_project.api.errors import Conflict
from scheduler_project.lib import sql
from templates_registry.models import TemplateVersion


class JobHistoryViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = TickSerializer
    required_scopes = dict.fromkeys(("executions", "ticks", "revisions", "preview"), Scope.SCHEDULER_READ)
    operation_ids = {
        "executions": "list_executions_of_job",
        "ticks": "list_ticks_of_job",
        "revisions": "list_revisions_of_job",
        "preview": "preview_job",
    }
    parameters = {"executions": JobExecutionListParameters, "ticks": TickParameters, "preview": PreviewParameters}
    paged = frozenset({"executions", "ticks", "revisions"})
    errors = {"preview": {409: "The stored schedule cannot be evaluated; `problem` of the job says why."}}

    @extend_schema(responses=ExecutionSerializer(many=True))
    def executions(self, request: Request, pk: str) -> Response:
        """The job's executions, the newest first."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        found = narrowing.find_executions(listed_executions(), job=job.pk, **self.filters)
        return self.answer_page(found, ExecutionSerializer)

    @extend_schema(responses=TickSerializer(many=True))
    def ticks(self, request: Request, pk: str) -> Response:
        """The ledger: what became of every due occurrence, the newest first."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        return self.answer_page(narrowing.find_ticks(Tick.objects.filter(job=job), **self.filters), TickSerializer)

    @extend_schema(responses=RevisionSerializer(many=True))
    def revisions(self, request: Request, pk: str) -> Response:
        """Every change of the job with the definition that was in force from then on, the newest first."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        return self.answer_page(JobRevision.objects.filter(job=job).order_by("-number"), RevisionSerializer)

    def get_serializer_context(self) -> dict[str, Any]:
        context = dict(super().get_serializer_context())
        if self.action == "revisions":
            versions = TemplateVersion.objects.values_list("name", "version", "schema")
            context["schemas"] = {(name, version): schema for name, version, schema in versions}
        return context

    @extend_schema(responses=JobPreviewSerializer)
    def preview(self, request: Request, pk: str) -> Response:
        """When the job will be due next, by the engine that fires it."""
        job = self.find(Job.objects.all(), pk)
        try:
            preview = outlook.of_job(job, now=sql.now(), count=self.filters["count"])
        except ValueError as error:
            raise Conflict(f"The schedule cannot be evaluated: {error}", code="quarantined") from error
        return Response(JobPreviewSerializer(preview, context={"job": job}).data)
