"""`GET /api/v1/dependencies/graph.svg`: the graph of dependencies as a picture, as the console draws it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from accounts.scopes import Scope
from jobs import dependencies
from jobs.admin.charts import dag
from jobs.admin.pipelines import picture
from jobs.admin.pipelines.picture import Wish
from jobs.api.base import TenantEngineViewSet
from jobs.api.parameters import GraphParameters
from jobs.models import Dependency, Job

MOST_EDGES = 2_000


class PictureParameters(GraphParameters):
    job = serializers.IntegerField(
        required=False, min_value=1, max_value=2**63 - 1, help_text="Only what this job hangs together with."
    )


class PictureViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Dependency.objects.none()
    serializer_class = PictureParameters
    required_scopes = {"draw": Scope.SCHEDULER_READ}
    operation_ids = {"draw": "draw_graph_of_dependencies"}
    parameters = {"draw": PictureParameters}
    errors = {"draw": {404: "There is no such job, or it follows no job and none follows it."}}

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """It is a picture, whatever `Accept` says; errors are JSON."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(responses={(200, "image/svg+xml"): OpenApiResponse(str, description="The picture.")})
    def draw(self, request: Request) -> HttpResponse:
        """Jobs from left to right in the order in which they start each other, with how the last run of each went. More
        than 150 are drawn as groups, by their first tags."""
        edges = self.scoped(dependencies.edges())
        if tenant := self.filters.get("tenant"):
            edges = edges.filter(tenant__slug=tenant)
        if wanted := self.filters.get("job"):
            job = self.find(Job.objects.only("id", "tenant_id"), str(wanted))
            pipeline = dependencies.find_pipeline(edges.filter(tenant=job.tenant_id), job.pk)
            if pipeline is None:
                raise NotFound("This job follows no job, and none follows it.")
        else:
            pipeline = dependencies.as_one(edges[:MOST_EDGES])
        drawn = picture.picture_of(pipeline, Wish())
        text = dag.draw_file(drawn.nodes, drawn.lines, drawn.layout, words=drawn.words)
        return HttpResponse(text, content_type="image/svg+xml", headers={"Cache-Control": "no-store"})
