"""`/api/v1/jobs`: create, read, change and archive jobs, run them now, switch their schedule on and off."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import impact, narrowing, registry
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute, split_body
from jobs.api.broker import NO_BROKER, refuse_without_broker
from jobs.api.execution_output import ExecutionSerializer
from jobs.api.inputs import (
    CatchingUpSerializer,
    ChangeOptionsSerializer,
    CreationOptionsSerializer,
    JobChangeSerializer,
    JobCreationSerializer,
    NoteSerializer,
    PauseSerializer,
    RunSerializer,
)
from jobs.api.job_output import JobSerializer
from jobs.api.parameters import JobListParameters
from jobs.models import Execution, Job
from jobs.rules.states import Trigger
from jobs.tick import publisher
from scheduler_project.api.idempotency import idempotent
from scheduler_project.api.permissions import MissingScope
from scheduler_project.api.views import TENANT_PARAMETER

ARCHIVED = "The job is archived."
CHANGED_MEANWHILE = f"{ARCHIVED[:-1]}, or it is at another revision than `expected_revision`."


class JobViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = JobSerializer
    required_scopes = {
        **dict.fromkeys(("list", "retrieve"), Scope.SCHEDULER_READ),
        **dict.fromkeys(("create", "update", "partial_update", "destroy"), Scope.SCHEDULER_WRITE),
        **dict.fromkeys(("pause", "resume", "enable", "disable"), Scope.SCHEDULER_WRITE),
        "run": Scope.SCHEDULER_RUN,
    }
    operation_ids = {
        "list": "list_jobs",
        "retrieve": "get_job",
        "create": "create_job",
        "update": "replace_job",
        "partial_update": "change_job",
        "destroy": "archive_job",
        "run": "run_job",
        "pause": "pause_job",
        "resume": "resume_job",
        "enable": "enable_job",
        "disable": "disable_job",
    }
    parameters = {"list": JobListParameters}
    kept = frozenset({"list", "retrieve"})
    version_field = "revision"
    conditional = frozenset({"update", "partial_update", "destroy", "pause", "resume", "enable", "disable"})
    errors = {
        **{action: {409: CHANGED_MEANWHILE} for action in ("update", "partial_update")},
        **{action: {409: ARCHIVED} for action in ("destroy", "pause", "resume", "enable", "disable")},
        "run": {409: ARCHIVED, 501: NO_BROKER},
    }

    def list(self, request: Request) -> Response:
        """The jobs of the caller's tenants. Archived ones only with `archived=true`."""
        return self.answer_page(narrowing.find_jobs(self.scoped(_jobs()), **self.filters), JobSerializer)

    def retrieve(self, request: Request, pk: str) -> Response:
        """One job, archived or not."""
        return Response(JobSerializer(self.find(_jobs(), pk)).data)

    @extend_schema(
        request=JobCreationSerializer,
        responses={201: JobSerializer},
        parameters=[TENANT_PARAMETER],
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """A new job. Its schedule is in force at once unless `enabled` is false."""
        options, definition = split_body(request, CreationOptionsSerializer)
        user = self.principal.user
        job = registry.create(
            definition,
            tenant=self.tenant_to_write_to(options.get("tenant")),
            actor=self.principal.label,
            owner_id=user.pk if user else None,
            enabled=options["enabled"],
            may_run_sub_minute=may_run_sub_minute(self.principal),
        )
        answer = self._shown(job.pk, status.HTTP_201_CREATED)
        answer.headers["Location"] = reverse("job-detail", args=[job.pk])
        return answer

    @extend_schema(request=JobChangeSerializer)
    def update(self, request: Request, pk: str) -> Response:
        """Replace the definition: what the body leaves out goes back to its default, but for slug and secrets."""
        return self._change(request, pk, replaces=True)

    @extend_schema(request=JobChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the fields that the body names. `policies` is changed name by name, all other fields as a whole."""
        return self._change(request, pk, replaces=False)

    def _change(self, request: Request, pk: str, *, replaces: bool) -> Response:
        job = self.find(_ids(), pk)
        options, definition = split_body(request, ChangeOptionsSerializer)
        self._refuse_to_run(job, options["missed"])
        with self.unless_changed(job, says_so_elsewhere="expected_revision" in options):
            impact.change(
                job.pk,
                definition,
                missed=options["missed"],
                actor=self.principal.label,
                note=options["note"],
                may_run_sub_minute=may_run_sub_minute(self.principal),
                expected_revision=options.get("expected_revision"),
                replaces=replaces,
            )
        return self._shown(job.pk)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Archive the job: it never runs again, what waits is cancelled, its ledger and executions stay."""
        job = self.find(_ids(), pk)
        with self.unless_changed(job):
            registry.archive(job.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=RunSerializer, responses={202: ExecutionSerializer})
    @idempotent
    def run(self, request: Request, pk: str) -> Response:
        """Queue one run now, whatever the schedule says, paused and disabled jobs too."""
        job = self.find(Job.objects.select_related("template"), pk)
        wishes = self.read_body(RunSerializer)
        refuse_without_broker()
        execution_id = registry.run_now(
            job, actor=self.principal.label, trigger=Trigger.API, request_id=self.request_id, **wishes
        )
        publisher.announce_soon([execution_id])
        execution = Execution.objects.select_related("tenant", "template", "job").get(pk=execution_id)
        headers = {"Location": reverse("execution-detail", args=[execution_id])}
        return Response(ExecutionSerializer(execution).data, status=status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(request=PauseSerializer)
    def pause(self, request: Request, pk: str) -> Response:
        """From now on ticks are skipped, up to `until`. Pausing a paused job changes nothing but its end."""
        return self._switch(registry.pause, pk, PauseSerializer)

    @extend_schema(request=CatchingUpSerializer)
    @idempotent
    def resume(self, request: Request, pk: str) -> Response:
        """Ticks fire again from the next one on; what was skipped stays so, and runs only when `missed` says it."""
        return self._switch(impact.resume, pk, CatchingUpSerializer)

    @extend_schema(request=CatchingUpSerializer)
    @idempotent
    def enable(self, request: Request, pk: str) -> Response:
        """Put the schedule in force. Nothing that was due before now runs, unless `missed` says it."""
        return self._switch(impact.enable, pk, CatchingUpSerializer)

    @extend_schema(request=NoteSerializer)
    def disable(self, request: Request, pk: str) -> Response:
        """Take the schedule out of force: nothing is due any more."""
        return self._switch(registry.disable, pk)

    def _switch(self, operation: Callable[..., Job], pk: str, body: type[NoteSerializer] = NoteSerializer) -> Response:
        job = self.find(_ids(), pk)
        wishes = self.read_body(body)
        self._refuse_to_run(job, wishes.get("missed", "none"))
        with self.unless_changed(job):
            operation(job.pk, actor=self.principal.label, **wishes)
        return self._shown(job.pk)

    def _refuse_to_run(self, job: Job, missed: str) -> None:
        """Whoever changes a job may not start runs of it by that alone."""
        scope, principal = Scope.SCHEDULER_RUN, self.principal
        if missed != "none" and not principal.may(scope, job.tenant_id):
            raise MissingScope(scope, principal, held=principal.scopes.get(job.tenant_id, frozenset()))

    def _shown(self, job_id: int, code: int = status.HTTP_200_OK) -> Response:
        return Response(JobSerializer(_jobs().get(pk=job_id)).data, status=code)


def _jobs() -> QuerySet[Job]:
    return Job.objects.select_related("tenant", "template", "owner", "pool")


def _ids() -> QuerySet[Job]:
    return Job.objects.only("id", "tenant_id")
