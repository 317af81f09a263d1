"""Runs without a job as the API shows them: executions, in the words of those who submit tasks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.api.execution_output import ExecutionDetailSerializer, ExecutionSerializer
from jobs.api.families.words import TASKS
from jobs.models import Execution
from scheduler_project.api.serializers import InstantField, ObjectField

NOT_OF_TASKS = ("job_id", "job_name", "revision", "scheduled_for", "trigger", "parameters", "policies")


def _of_tasks(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in NOT_OF_TASKS)


@extend_schema_field({"type": "string", "enum": TASKS.choices, "description": "The status in one of fewer words."})
class TaskStatusField(serializers.Field[str, Any, str, Any]):
    def to_representation(self, value: str) -> str:
        return TASKS.words[value]


class TaskSerializer(ExecutionSerializer):
    """In lists. `error` is cut off; the detail has all of it."""

    task_status = TaskStatusField(source="status", read_only=True)
    scheduled_at = InstantField(source="scheduled_for", read_only=True, allow_null=True)

    class Meta(ExecutionSerializer.Meta):
        fields = (*_of_tasks(ExecutionSerializer.Meta.fields), "scheduled_at", "task_status")
        read_only_fields = fields


# `lease` and `now` stand in the context.
class TaskDetailSerializer(ExecutionDetailSerializer):
    """With everything about the run."""

    task_status = TaskStatusField(source="status", read_only=True)
    scheduled_at = InstantField(source="scheduled_for", read_only=True, allow_null=True)
    payload = serializers.SerializerMethodField(help_text="Without what the template's schema marks as secret.")
    timeout_seconds = serializers.IntegerField(source="policies.timeout_seconds", read_only=True)
    soft_timeout_seconds = serializers.IntegerField(
        source="policies.soft_timeout_seconds", read_only=True, allow_null=True
    )
    max_retries = serializers.IntegerField(source="policies.max_retries", read_only=True)

    class Meta(ExecutionDetailSerializer.Meta):
        fields = (
            *_of_tasks(ExecutionDetailSerializer.Meta.fields),
            *("task_status", "scheduled_at", "payload", "timeout_seconds", "soft_timeout_seconds", "max_retries"),
        )
        read_only_fields = fields

    @extend_schema_field(ObjectField)
    def get_payload(self, execution: Execution) -> Any:
        return self.get_parameters(execution)
