"""`…/reconcile`: bring rows, jobs and ledger in line now, instead of when the scheduler comes round to it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import audit
from accounts.scopes import Scope
from jobs.api.base import EngineViewSet, TenantEngineViewSet
from jobs.models import Job
from jobs.recovery import on_request
from jobs.recovery.on_request import Report
from scheduler_project.api.refusals import require_superuser
from scheduler_project.api.serializers import InstantField, StrictSerializer, WholeNumberField


class FindSerializer(serializers.Serializer[Any]):
    job_id = serializers.IntegerField(read_only=True)
    due_at = InstantField(read_only=True)
    kind = serializers.CharField(read_only=True, help_text="What is wrong; `unrecorded` ticks are recorded as missed.")
    detail = serializers.CharField(read_only=True)


class ReportSerializer(serializers.Serializer[Any]):
    jobs = serializers.IntegerField(read_only=True, help_text="How many were looked at.")
    rows_mended = serializers.IntegerField(read_only=True, help_text="Rows of django-celery-beat brought in line.")
    rows_refused = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Rows that could not be mended, and why."
    )
    violations = serializers.IntegerField(read_only=True, help_text="Breaks of the ledger's promise found now.")
    finds = FindSerializer(many=True, read_only=True, help_text="The first 100 of them.")
    next_after = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="Ask again with this `after`: the time was over. Null: all is done."
    )


class AfterSerializer(StrictSerializer):
    after = WholeNumberField(
        default=0, min_value=0, max_value=2**63 - 1, help_text="Go on behind the job with this id."
    )


class ReconciliationViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = ReportSerializer
    required_scopes = {"reconcile": Scope.SCHEDULER_WRITE}
    operation_ids = {"reconcile": "reconcile_job"}

    @extend_schema(request=None, responses=ReportSerializer)
    def reconcile(self, request: Request, pk: str) -> Response:
        """Bring the job and its row of django-celery-beat in line, verify the newest part of its ledger, and record
        what nobody has. Done twice it finds nothing the second time."""
        self.read_body(StrictSerializer)
        job = self.find(Job.objects.only("id", "tenant_id", "name"), pk)
        report = on_request.reconcile_job(job.pk)
        _record(report, self.principal.label, tenant_id=job.tenant_id, job=job)
        return Response(ReportSerializer(report).data)


class SystemReconciliationViewSet(EngineViewSet):
    serializer_class = ReportSerializer
    required_scopes = {"reconcile": Scope.SCHEDULER_WRITE}
    operation_ids = {"reconcile": "reconcile_system"}

    @extend_schema(request=AfterSerializer, responses=ReportSerializer)
    def reconcile(self, request: Request) -> Response:
        """The same for every job of every tenant, as far as eight seconds go; for superusers."""
        require_superuser(
            self.principal,
            "This looks at every tenant's jobs, so only superusers may",
            instead="For one job, use its own reconcile.",
        )
        report = on_request.reconcile_all(after=self.read_body(AfterSerializer)["after"])
        _record(report, self.principal.label, tenant_id=None)
        return Response(ReportSerializer(report).data)


def _record(report: Report, actor: str, *, tenant_id: int | None, job: Job | None = None) -> None:
    found = {"jobs": report.jobs, "rows_mended": report.rows_mended, "violations": report.violations}
    audit.record(
        "scheduler.reconciled",
        actor=actor,
        tenant_id=tenant_id,
        target="job" if job else "scheduler",
        target_id=job.pk if job else "",
        target_name=job.name if job else "",
        after=found,
    )
