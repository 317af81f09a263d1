"""Dependencies, what came of them, and flows as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.models import Dependency, Job, Succession
from scheduler_project.api.serializers import InstantField, ObjectField, RowSerializer


class DependencySerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    upstream_name = serializers.CharField(source="upstream.name", read_only=True)
    downstream_name = serializers.CharField(source="downstream.name", read_only=True)
    parameters = serializers.SerializerMethodField(
        help_text="Parameter of the downstream and the JSON pointer of its value in the upstream's result."
    )

    class Meta:
        model = Dependency
        fields = (
            *("id", "tenant", "upstream_id", "upstream_name", "downstream_id", "downstream_name", "kind", "condition"),
            *("parameters", "gate_patience_seconds", "created_at", "created_by", "updated_at"),
        )
        read_only_fields = fields

    @extend_schema_field(ObjectField)
    def get_parameters(self, dependency: Dependency) -> Any:
        return dependency.parameters


class JobDependenciesSerializer(serializers.Serializer[Any]):
    """What a job follows, and what follows it."""

    fan_in = serializers.CharField(
        read_only=True,
        help_text="Whether `all` triggering upstreams of a flow start it, or `any`: a policy of the job.",
    )
    upstream = DependencySerializer(many=True, read_only=True)
    downstream = DependencySerializer(many=True, read_only=True)


class GraphJobSerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    level = serializers.SerializerMethodField(help_text="Steps behind the first jobs.")

    class Meta:
        model = Job
        fields = ("id", "tenant", "slug", "name", "level", "is_enabled", "paused_at", "archived_at", "last_status")
        read_only_fields = fields

    def get_level(self, job: Job) -> int:
        level: int = self.context["levels"][job.pk]
        return level


class GraphSerializer(serializers.Serializer[Any]):
    jobs = GraphJobSerializer(many=True, read_only=True)
    dependencies = DependencySerializer(source="edges", many=True, read_only=True)
    is_complete = serializers.BooleanField(read_only=True, help_text="False when there are more than are shown.")


class SuccessionSerializer(RowSerializer):
    """What one end of an upstream came to. Each has exactly one."""

    upstream_id = serializers.IntegerField(source="dependency.upstream_id", read_only=True)
    upstream_name = serializers.CharField(source="dependency.upstream.name", read_only=True)
    downstream_id = serializers.IntegerField(source="dependency.downstream_id", read_only=True)
    downstream_name = serializers.CharField(source="dependency.downstream.name", read_only=True)
    kind = serializers.CharField(source="dependency.kind", read_only=True)
    execution_id = serializers.IntegerField(
        source="successor_id", read_only=True, allow_null=True, help_text="Of the downstream."
    )

    class Meta:
        model = Succession
        fields = (
            *("dependency_id", "kind", "upstream_id", "upstream_name", "upstream_execution_id", "downstream_id"),
            *("downstream_name", "execution_id", "outcome", "reason", "message", "decided_at"),
        )
        read_only_fields = fields


class FlowRunSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    parent_id = serializers.IntegerField(read_only=True, allow_null=True)
    job_id = serializers.IntegerField(read_only=True, allow_null=True)
    job_name = serializers.CharField(source="job.name", default=None, read_only=True, allow_null=True)
    trigger = serializers.CharField(read_only=True)
    status = serializers.CharField(read_only=True)
    reason = serializers.CharField(read_only=True)
    held_for = serializers.CharField(read_only=True)
    created_at = InstantField(read_only=True)
    started_at = InstantField(read_only=True, allow_null=True)
    finished_at = InstantField(read_only=True, allow_null=True)


class FlowSerializer(serializers.Serializer[Any]):
    """The execution that began it and all that followed, the oldest first."""

    id = serializers.IntegerField(read_only=True, help_text="Of the first execution.")
    executions = FlowRunSerializer(many=True, read_only=True)
    successions = SuccessionSerializer(many=True, read_only=True)
    is_complete = serializers.BooleanField(read_only=True, help_text="False when there are more than are shown.")
