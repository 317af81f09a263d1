"""Executions, their attempts, leases and log lines as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.db.models.functions import Now
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs import dependencies
from jobs.api.dependency_output import SuccessionSerializer
from jobs.api.inputs import PolicySerializer
from jobs.api.job_output import PriorityField
from jobs.dependencies import Successor
from jobs.forecast import remaining
from jobs.models import Attempt, Execution, ExecutionLease, LogLine
from jobs.rules import user_ids
from jobs.rules.states import AttemptOutcome, ExecutionStatus
from scheduler_project.api.serializers import AnyJSONField, InstantField, ObjectField, RowSerializer
from templates_registry import schema

SHORT_ERROR = 500


class ExecutionSerializer(RowSerializer):
    """In lists. `error` is cut off; the detail has all of it."""

    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    job_name = serializers.CharField(source="job.name", default=None, read_only=True, allow_null=True)
    template = serializers.CharField(source="template.name", read_only=True)
    template_version = serializers.IntegerField(source="template.version", read_only=True)
    priority = PriorityField(read_only=True)
    user_id = serializers.SerializerMethodField(help_text="Whom it is for, in one form however it was written.")
    error = serializers.SerializerMethodField()

    needs = {"error": ("error",), "user_id": ("user_id",)}

    class Meta:
        model = Execution
        fields: tuple[str, ...] = (
            *("id", "tenant", "job_id", "job_name", "template", "template_version", "trigger", "scheduled_for"),
            *("revision", "dry_run", "run_key", "requested_by", "request_id", "queue", "priority", "status"),
            *("held_for", "reason", "attempt", "max_attempts", "created_at", "available_at", "start_deadline_at"),
            *("started_at", "finished_at", "cancel_requested_at", "cancel_requested_by", "cancel_seen_at"),
            *("approved_at", "approved_by", "error", "error_class", "fingerprint", "parent_id", "flow_id", "user_id"),
        )
        read_only_fields = fields

    def get_error(self, execution: Execution) -> str:
        return execution.error[:SHORT_ERROR]

    def get_user_id(self, execution: Execution) -> str | None:
        return None if execution.user_id is None else user_ids.of_text(execution.user_id)


class AttemptSerializer(RowSerializer):
    reason = serializers.SerializerMethodField(help_text="Why another try follows, or why none does.")
    stale_result = AnyJSONField(read_only=True)

    class Meta:
        model = Attempt
        fields = (
            *("number", "worker", "pid", "started_at", "finished_at", "outcome", "error", "error_class", "traceback"),
            *("retry_at", "reason", "is_stale", "stale_result"),
        )
        read_only_fields = fields

    def get_reason(self, attempt: Attempt) -> str:
        if attempt.retry_at is not None:
            is_ours = attempt.outcome != AttemptOutcome.HANDED_BACK
            return f"retry_after_{attempt.outcome}" if is_ours else attempt.outcome
        is_last = attempt.number == attempt.execution.attempt
        return attempt.execution.reason if is_last and attempt.execution.finished_at is not None else ""


class LeaseSerializer(RowSerializer):
    """Who runs it now, and how far it says it is."""

    progress = serializers.SerializerMethodField()

    class Meta:
        model = ExecutionLease
        fields = ("worker", "pid", "acquired_at", "expires_at", "heartbeat", "progress")
        read_only_fields = fields

    @extend_schema_field(AnyJSONField)
    def get_progress(self, lease: ExecutionLease) -> Any:
        told = lease.progress
        return told and {name: told.get(name) for name in ("done", "total", "text")}


class EstimateSerializer(serializers.Serializer[Any]):
    """When it will probably end."""

    basis = serializers.ChoiceField(
        choices=["progress", "history"], read_only=True, help_text="Its own progress, or the job's newest runs."
    )
    finishes_at = InstantField(
        read_only=True, allow_null=True, help_text="Null once it has run for longer than nearly all before it."
    )
    usual_seconds = serializers.FloatField(read_only=True, allow_null=True, help_text="Half of the runs took less.")
    is_slower_than_usual = serializers.BooleanField(
        read_only=True, help_text="It takes, or will take, longer than 95 in 100 of the job's newest runs."
    )


def in_detail(rows: QuerySet[Execution]) -> QuerySet[Execution]:
    """The rows as `detail` takes them, each with what the database's clock says."""
    return rows.select_related("tenant", "template", "job").annotate(read_at=Now())


def detail(
    execution: Execution, serializer: type[ExecutionDetailSerializer] | None = None
) -> ExecutionDetailSerializer:
    """Everything about the run, with what stands beside it: its attempts and its lease."""
    attempts = Attempt.objects.all() if execution.attempt else Attempt.objects.none()
    prefetch_related_objects([execution], Prefetch("attempts", attempts))
    is_running = execution.status == ExecutionStatus.RUNNING
    lease = ExecutionLease.objects.filter(pk=execution.pk).first() if is_running else None
    context = {"lease": lease, "now": execution.read_at}  # type: ignore[attr-defined]
    return (serializer or ExecutionDetailSerializer)(execution, context=context)


# `lease` and `now` stand in the context; see `detail`.
class ExecutionDetailSerializer(ExecutionSerializer):
    """With everything about the run."""

    parameters = serializers.SerializerMethodField()
    policies = serializers.SerializerMethodField()
    result = AnyJSONField(read_only=True)
    attempts = AttemptSerializer(many=True, read_only=True)
    lease = serializers.SerializerMethodField(help_text="While it runs.")
    celery_task_id = serializers.SerializerMethodField(
        help_text="What django-celery-results knows its result by, when runs are mirrored there and it has ended."
    )
    estimate = serializers.SerializerMethodField(help_text="While it runs and something is known.")
    running_seconds = serializers.SerializerMethodField(help_text="The time of all attempts together.")
    waiting_seconds = serializers.SerializerMethodField(help_text="All other time from its creation to its end or now.")
    started_by = serializers.SerializerMethodField(help_text="The ends of other executions that it waited for.")
    successors = serializers.SerializerMethodField(help_text="What its end came to, for each job that follows its job.")

    class Meta(ExecutionSerializer.Meta):
        fields = (
            *ExecutionSerializer.Meta.fields,
            *("parameters", "policies", "result", "attempts", "lease", "celery_task_id", "estimate"),
            *("running_seconds", "waiting_seconds", "started_by", "successors", "event_sequence"),
        )
        read_only_fields = fields

    def get_error(self, execution: Execution) -> str:
        return execution.error

    @extend_schema_field(ObjectField)
    def get_parameters(self, execution: Execution) -> Any:
        return schema.without_secrets(execution.template.schema, execution.parameters)

    @extend_schema_field(PolicySerializer)
    def get_policies(self, execution: Execution) -> dict[str, Any]:
        return execution.policies.to_json()

    def get_celery_task_id(self, execution: Execution) -> str | None:
        is_there = settings.DAYBOOK_STORE_CELERY_RESULTS and execution.finished_at is not None
        return str(execution.run_key) if is_there else None

    @extend_schema_field(LeaseSerializer(allow_null=True))
    def get_lease(self, execution: Execution) -> Any:
        lease = self.context["lease"]
        return LeaseSerializer(lease).data if lease else None

    @extend_schema_field(SuccessionSerializer(many=True))
    def get_started_by(self, execution: Execution) -> Any:
        return self._successions(dependencies.started_by(execution.pk)) if execution.job_id else []

    @extend_schema_field(SuccessionSerializer(many=True))
    def get_successors(self, execution: Execution) -> Any:
        return self._successions(dependencies.successors_of(execution.pk)) if execution.job_id else []

    def _successions(self, found: Sequence[Successor]) -> Any:
        return SuccessionSerializer([one.succession for one in found], many=True).data

    @extend_schema_field(EstimateSerializer(allow_null=True))
    def get_estimate(self, execution: Execution) -> Any:
        lease = self.context["lease"]
        found = remaining.estimate(execution, lease.progress, now=self._now) if lease else None
        return EstimateSerializer(found).data if found else None

    def get_running_seconds(self, execution: Execution) -> float:
        return round(self._running(execution).total_seconds(), 3)

    def get_waiting_seconds(self, execution: Execution) -> float:
        total = (execution.finished_at or self._now) - execution.created_at
        return round(max(total - self._running(execution), timedelta()).total_seconds(), 3)

    def _running(self, execution: Execution) -> timedelta:
        attempts = execution.attempts.all()
        return sum(((one.finished_at or self._now) - one.started_at for one in attempts), timedelta())

    @property
    def _now(self) -> datetime:
        now: datetime = self.context["now"]
        return now


class LogLineSerializer(RowSerializer):
    class Meta:
        model = LogLine
        fields = ("sequence", "attempt", "logged_at", "level", "message")
        read_only_fields = fields


class LogSerializer(serializers.Serializer[Any]):
    results = LogLineSerializer(many=True, read_only=True)
    has_more = serializers.BooleanField(read_only=True)
    next_since = serializers.IntegerField(read_only=True, help_text="What to send as `since` next time.")
    finished = serializers.BooleanField(read_only=True, help_text="No more lines will come.")


class PriorityChangedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(read_only=True, help_text="How many were queued at another priority.")
