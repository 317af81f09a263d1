"""`POST /api/v1/jobs/{id}/revisions/{number}/restore`: an earlier revision's definition as a new revision."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import restoring
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute
from jobs.api.inputs import ChangeOptionsSerializer
from jobs.api.job_output import JobSerializer
from jobs.models import Job, JobRevision
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.permissions import MissingScope


def find_revision(job: Job, number: int) -> JobRevision:
    """Raises NotFound."""
    found = JobRevision.objects.filter(job=job, number=number).first()
    if found is None:
        raise NotFound(f"The job has no revision {number}.")
    return found


class RestoreViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = JobSerializer
    required_scopes = {"restore": Scope.SCHEDULER_WRITE}
    operation_ids = {"restore": "restore_revision_of_job"}
    version_field = "revision"
    conditional = frozenset({"restore"})
    errors = {"restore": {404: "There is no such job or revision.", 409: "The job is archived, or it has changed."}}

    @extend_schema(request=ChangeOptionsSerializer)
    @idempotent
    def restore(self, request: Request, pk: str, number: str) -> Response:
        """Bring back the whole definition of a revision, secrets too. Whether the job is enabled or paused stays, and
        so do its dependencies and hooks. What changes nothing leaves no revision."""
        job = self.find(Job.objects.select_related("tenant", "template", "pool"), pk)
        revision = find_revision(job, int(number))
        wishes = self.read_body(ChangeOptionsSerializer)
        scope = Scope.SCHEDULER_RUN
        if wishes["missed"] != "none" and not self.principal.may(scope, job.tenant_id):
            held = self.principal.scopes.get(job.tenant_id, frozenset())
            raise MissingScope(scope, self.principal, held=held)
        with self.unless_changed(job, says_so_elsewhere="expected_revision" in wishes):
            restoring.restore(
                job,
                revision,
                actor=self.principal.label,
                may_run_sub_minute=may_run_sub_minute(self.principal),
                **wishes,
            )
        shown = Job.objects.select_related("tenant", "template", "owner", "pool").get(pk=job.pk)
        return Response(JobSerializer(shown).data)
