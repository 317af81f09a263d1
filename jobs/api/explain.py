"""`…/explain`: why a job, a tick or an execution ran or did not, rule by rule. Reads only."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs.api.base import TenantEngineViewSet
from jobs.explain import explain_execution, explain_job, explain_tick
from jobs.models import Execution, Job, Tick
from scheduler_project.api.serializers import InstantField
from scheduler_project.lib import sql


class StepSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField(read_only=True, help_text="The rule's name in the planner, or a condition's.")
    title = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(choices=["passed", "blocked", "not_reached", "noted"], read_only=True)
    outcome = serializers.CharField(read_only=True, help_text="What a tick becomes, or became, by this rule.")
    reason = serializers.CharField(read_only=True)
    text = serializers.CharField(read_only=True, help_text="A sentence for people.")
    by = serializers.CharField(read_only=True, help_text="Who set what it looks at, when that is known.")
    since = InstantField(read_only=True, allow_null=True)
    clears_at = InstantField(read_only=True, allow_null=True, help_text="When it stops blocking, when that is known.")
    execution_id = serializers.IntegerField(read_only=True, allow_null=True, help_text="The execution it is about.")


class ExplainedSectionSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(read_only=True)
    blocked_by = StepSerializer(read_only=True, allow_null=True)
    steps = StepSerializer(many=True, read_only=True)


class ExplanationSerializer(serializers.Serializer[Any]):
    subject = serializers.ChoiceField(choices=["job", "tick", "execution"], read_only=True)
    id = serializers.IntegerField(read_only=True)
    job_id = serializers.IntegerField(read_only=True, allow_null=True)
    title = serializers.CharField(read_only=True)
    answer = serializers.CharField(read_only=True, help_text="The whole of it in a sentence or two.")
    blocked_by = StepSerializer(read_only=True, allow_null=True, help_text="The first step that blocks, or blocked.")
    steps = StepSerializer(many=True, read_only=True, help_text="In the order in which they are evaluated.")
    further = ExplainedSectionSerializer(
        many=True, read_only=True, help_text="Of a job: if it were due now. Of an execution: the tick that fired it."
    )


class ExplanationViewSet(TenantEngineViewSet):
    serializer_class = ExplanationSerializer
    required_scopes = dict.fromkeys(("explain", "explain_tick"), Scope.SCHEDULER_READ)


class JobExplanationViewSet(ExplanationViewSet):
    noun = "job"
    queryset = Job.objects.none()
    operation_ids = {"explain": "explain_job", "explain_tick": "explain_tick_of_job"}

    def explain(self, request: Request, pk: str) -> Response:
        """Whether the schedule is in force, and every rule of the planner on the next tick: which blocks first, who
        set it and when it clears. Runs in progress count as they stand now."""
        job = self.find(Job.objects.select_related("template"), pk)
        return Response(ExplanationSerializer(explain_job(job, now=sql.now())).data)

    @extend_schema(parameters=[OpenApiParameter("tick_id", int, OpenApiParameter.PATH)])
    def explain_tick(self, request: Request, pk: str, tick_id: str) -> Response:
        """What became of one tick of the job, told along the rules that decided it."""
        job = self.find(Job.objects.only("id", "tenant_id"), pk)
        tick = Tick.objects.filter(job=job, pk=int(tick_id)).first()
        if tick is None:
            raise NotFound(f"Job {pk} has no tick {tick_id}.")
        return Response(ExplanationSerializer(explain_tick(tick)).data)


class TickExplanationViewSet(ExplanationViewSet):
    noun = "tick"
    queryset = Tick.objects.none()
    operation_ids = {"explain": "explain_tick"}

    def explain(self, request: Request, pk: str) -> Response:
        """What became of one tick, told along the rules that decided it."""
        return Response(ExplanationSerializer(explain_tick(self.find(Tick.objects.all(), pk))).data)


class ExecutionExplanationViewSet(ExplanationViewSet):
    noun = "execution"
    queryset = Execution.objects.none()
    operation_ids = {"explain": "explain_execution"}

    def explain(self, request: Request, pk: str) -> Response:
        """Why an execution waits, who runs it, or how it ended; and the tick that fired it."""
        execution = self.find(Execution.objects.defer("parameters", "result"), pk)
        return Response(ExplanationSerializer(explain_execution(execution, now=sql.now())).data)
