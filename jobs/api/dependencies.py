"""`/api/v1/dependencies` and `/api/v1/jobs/{id}/dependencies`: which job follows which; flows of executions."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Tenant
from accounts.scopes import Scope
from jobs import dependencies
from jobs.api.base import TenantEngineViewSet
from jobs.api.dependency_output import (
    DependencySerializer,
    FlowSerializer,
    GraphSerializer,
    JobDependenciesSerializer,
)
from jobs.api.inputs import (
    DependencyChangeSerializer,
    DependencyCreationSerializer,
    UpstreamSerializer,
)
from jobs.api.parameters import DependencyParameters, GraphParameters
from jobs.models import Dependency, Execution, Job
from scheduler_project.api.idempotency import idempotent

MOST_EDGES = 2_000
REFUSED = "The downstream is archived, or the scheduler is still catching up with it."
GONE = f"Somebody has removed it. Or: {REFUSED[0].lower()}{REFUSED[1:]}"


class FollowingViewSet(TenantEngineViewSet):
    """Whatever names jobs."""

    noun = "job"
    queryset = Dependency.objects.none()
    serializer_class = DependencySerializer

    def add(self, downstream_id: int, wishes: dict[str, Any]) -> Response:
        downstream = self.find(Job.objects.only("id", "tenant_id"), str(downstream_id))
        upstream = self.find(Job.objects.only("id", "tenant_id"), str(wishes.pop("upstream")))
        edge = dependencies.add(upstream.pk, downstream.pk, wishes, actor=self.principal.label)
        shown = DependencySerializer(dependencies.edges().get(pk=edge.pk)).data
        headers = {"Location": reverse("dependency-detail", args=[edge.pk])}
        return Response(shown, status=status.HTTP_201_CREATED, headers=headers)


class DependencyListViewSet(FollowingViewSet):
    required_scopes = {
        **dict.fromkeys(("list", "graph"), Scope.SCHEDULER_READ),
        "create": Scope.SCHEDULER_WRITE,
    }
    operation_ids = {
        "list": "list_dependencies",
        "graph": "get_graph_of_dependencies",
        "create": "create_dependency",
    }
    parameters = {"list": DependencyParameters, "graph": GraphParameters}
    errors = {"create": {404: "There is no such job.", 409: REFUSED}}

    def list(self, request: Request) -> Response:
        """The dependencies between jobs of the caller's tenants."""
        return self.answer_page(self._filtered(), DependencySerializer)

    @extend_schema(responses=GraphSerializer)
    def graph(self, request: Request) -> Response:
        """The jobs that follow each other, each with its level, and the dependencies between them."""
        edges = self._filtered().select_related("upstream__tenant", "downstream__tenant")
        found = list(edges[: MOST_EDGES + 1])
        graph = dependencies.graph_of(found[:MOST_EDGES])
        answer = {
            "jobs": [job for job, _ in graph.jobs],
            "edges": graph.edges,
            "is_complete": len(found) <= MOST_EDGES,
        }
        context = {"levels": {job.pk: level for job, level in graph.jobs}}
        return Response(GraphSerializer(answer, context=context).data)

    @extend_schema(request=DependencyCreationSerializer, responses={201: DependencySerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Let one job follow another of the same tenant. What would close a loop is refused, and the loop named."""
        wishes = self.read_body(DependencyCreationSerializer)
        return self.add(wishes.pop("downstream"), wishes)

    def _filtered(self) -> QuerySet[Dependency]:
        names = {"kind": "kind", "tenant": "tenant__slug", "upstream": "upstream_id", "downstream": "downstream_id"}
        wanted = {names[name]: value for name, value in self.filters.items()}
        return self.scoped(dependencies.edges()).filter(**wanted)


class DependencyViewSet(TenantEngineViewSet):
    noun = "dependency"
    queryset = Dependency.objects.none()
    serializer_class = DependencySerializer
    required_scopes = {
        "retrieve": Scope.SCHEDULER_READ,
        **dict.fromkeys(("partial_update", "destroy"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {
        "retrieve": "get_dependency",
        "partial_update": "change_dependency",
        "destroy": "remove_dependency",
    }
    errors = {"partial_update": {409: GONE}, "destroy": {409: GONE}}
    version_field = "updated_at"

    def retrieve(self, request: Request, pk: str) -> Response:
        """One dependency."""
        return Response(DependencySerializer(self.find(dependencies.edges(), pk)).data)

    @extend_schema(request=DependencyChangeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change its condition, its parameters or its patience. Its jobs and its kind stay."""
        edge = self.find(dependencies.edges(), pk)
        wishes = self.read_body(DependencyChangeSerializer)
        with self.unless_changed(edge):
            dependencies.change(edge.pk, wishes, actor=self.principal.label)
        return self.retrieve(request, pk)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Remove it. What the downstream waited for because of it is looked at again within a second or two."""
        edge = self.find(dependencies.edges(), pk)
        with self.unless_changed(edge):
            dependencies.remove(edge.pk, actor=self.principal.label)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def lock_before(self, row: Model) -> None:
        """One change of the edges of a tenant at a time."""
        assert isinstance(row, Dependency)
        Tenant.objects.select_for_update(no_key=True).get(pk=row.tenant_id)


class JobDependencyViewSet(FollowingViewSet):
    required_scopes = {"retrieve": Scope.SCHEDULER_READ, "create": Scope.SCHEDULER_WRITE}
    operation_ids = {"retrieve": "list_dependencies_of_job", "create": "add_upstream"}
    errors = {"create": {404: "There is no such job.", 409: REFUSED}}

    @extend_schema(responses=JobDependenciesSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """What the job follows, and what follows it."""
        job = self.find(Job.objects.only("id", "tenant_id", "policy"), pk)
        upstream, downstream = dependencies.edges_of(job.pk)
        answer = {"fan_in": job.policies.fan_in, "upstream": upstream, "downstream": downstream}
        return Response(JobDependenciesSerializer(answer).data)

    @extend_schema(request=UpstreamSerializer, responses={201: DependencySerializer})
    @idempotent
    def create(self, request: Request, pk: str) -> Response:
        """Let this job follow another of the same tenant. What would close a loop is refused, and the loop named."""
        return self.add(int(pk), self.read_body(UpstreamSerializer))


class FlowViewSet(TenantEngineViewSet):
    noun = "execution"
    queryset = Execution.objects.none()
    serializer_class = FlowSerializer
    required_scopes = {"flow": Scope.SCHEDULER_READ}
    operation_ids = {"flow": "get_flow_of_execution"}

    @extend_schema(responses=FlowSerializer)
    def flow(self, request: Request, pk: str) -> Response:
        """Where the execution comes from and what came of it: the whole chain that it belongs to."""
        execution = self.find(Execution.objects.only("id", "tenant_id", "flow_id"), pk)
        return Response(FlowSerializer(dependencies.read_flow(dependencies.flow_of(execution))).data)
