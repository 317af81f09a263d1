"""Jobs and runs as the clients of other schedulers read them: everything that the canonical answer has, and the same
once more under their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from jobs.api.execution_output import ExecutionDetailSerializer, ExecutionSerializer
from jobs.api.families.bodies import CELERY_TASK
from jobs.api.families.words import Family
from jobs.api.job_output import JobSerializer
from scheduler_project.api.serializers import InstantField, ObjectField

OF_JOBS = (
    *("is_enabled", "job_type_name", "task_function_name", "task_args", "schedule_config", "cron_expression"),
    *("lastRunTime", "nextRunTime", "last_state"),
)
OF_EXECUTIONS = ("execution_id", "state")


class FamilyJobSerializer(JobSerializer):
    last_status = serializers.CharField(read_only=True, allow_null=True, help_text="In the family's own word.")
    last_state = serializers.CharField(read_only=True, allow_null=True, help_text="The same in the canonical word.")
    is_enabled = serializers.BooleanField(read_only=True)
    job_type_name = serializers.ChoiceField(choices=["cron", "interval", "once", "manual"], read_only=True)
    task_function_name = serializers.CharField(read_only=True, help_text="The template, or the Celery task it sends.")
    task_args = ObjectField(read_only=True, help_text="Without secrets.")
    schedule_config = ObjectField(read_only=True)
    cron_expression = serializers.CharField(read_only=True, allow_null=True)
    lastRunTime = InstantField(read_only=True, allow_null=True)  # noqa: N815  as their clients write it
    nextRunTime = InstantField(read_only=True, allow_null=True)  # noqa: N815

    class Meta(JobSerializer.Meta):
        fields = [*JobSerializer.Meta.fields, *OF_JOBS]
        read_only_fields = fields


class FamilyExecutionSerializer(ExecutionSerializer):
    status = serializers.CharField(read_only=True, help_text="In the family's own word.")
    state = serializers.CharField(read_only=True, help_text="The same in the canonical word.")
    execution_id = serializers.IntegerField(read_only=True)

    class Meta(ExecutionSerializer.Meta):
        fields = (*ExecutionSerializer.Meta.fields, *OF_EXECUTIONS)
        read_only_fields = fields


class FamilyExecutionDetailSerializer(ExecutionDetailSerializer):
    status = serializers.CharField(read_only=True, help_text="In the family's own word.")
    state = serializers.CharField(read_only=True, help_text="The same in the canonical word.")
    execution_id = serializers.IntegerField(read_only=True)

    class Meta(ExecutionDetailSerializer.Meta):
        fields = (*ExecutionDetailSerializer.Meta.fields, *OF_EXECUTIONS)
        read_only_fields = fields


def show_job(job: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """`job` is the canonical answer."""
    schedule, parameters = job["schedule"], job["parameters"]
    is_celery = job["template"] == CELERY_TASK
    return {
        **job,
        "is_enabled": job["enabled"],
        "job_type_name": schedule.get("kind", "manual"),
        "task_function_name": parameters.get("task", CELERY_TASK) if is_celery else job["template"],
        "task_args": parameters.get("kwargs", {}) if is_celery else parameters,
        "schedule_config": _config(schedule),
        "cron_expression": schedule.get("cron"),
        "lastRunTime": job["last_run_at"],
        "nextRunTime": job["next_tick_at"],
        "last_state": job["last_status"] or None,
        "last_status": family.word(job["last_status"] or None),
    }


def show_execution(execution: Mapping[str, Any], family: Family) -> dict[str, Any]:
    """`execution` is the canonical answer."""
    status = execution["status"]
    return {**execution, "execution_id": execution["id"], "state": status, "status": family.word(status)}


def _config(schedule: Mapping[str, Any]) -> dict[str, Any]:
    kind = schedule.get("kind")
    if kind == "interval":
        minutes, seconds = divmod(int(schedule["every_seconds"]), 60)
        hours, minutes = divmod(minutes, 60)
        return {"hours": hours, "minutes": minutes, "seconds": seconds}
    if kind == "cron":
        return {"cron": schedule["cron"], "timezone": schedule.get("timezone", "UTC")}
    return {"run_date": schedule["at"]} if kind == "once" else {}
