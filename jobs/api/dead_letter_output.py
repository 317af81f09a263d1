"""Dead letters, their groups and staged replays as the API shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from jobs.models import Attempt, DeadLetter, DeadLetterReplay, DeadLetterRun, Execution
from scheduler_project.api.serializers import InstantField, ObjectField, RowSerializer
from templates_registry import schema


class DeadLetterSerializer(RowSerializer):
    """In lists. `error` is its beginning; the execution has all of it."""

    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    job_name = serializers.CharField(source="job.name", default=None, read_only=True, allow_null=True)
    template = serializers.CharField(source="template.name", read_only=True)
    template_version = serializers.IntegerField(source="template.version", read_only=True)

    class Meta:
        model = DeadLetter
        fields: tuple[str, ...] = (
            *("id", "tenant", "job_id", "job_name", "template", "template_version", "execution_id", "fingerprint"),
            *("status", "reason", "error_class", "error", "place", "attempts", "died_at"),
            *("state", "closed_at", "closed_by", "note"),
        )
        read_only_fields = fields


class DeadLetterRunSerializer(RowSerializer):
    class Meta:
        model = DeadLetterRun
        fields = ("execution_id", "replay_id", "stage", "outcome")
        read_only_fields = fields


class DeadLetterDetailSerializer(DeadLetterSerializer):
    """With what it takes to judge it."""

    parameters = serializers.SerializerMethodField(help_text="Without secrets; null when the execution is not kept.")
    traceback = serializers.SerializerMethodField(help_text="Of the last attempt that has one.")
    open_in_group = serializers.SerializerMethodField(help_text="Open letters of the same cause, this one included.")
    replays = DeadLetterRunSerializer(source="runs", many=True, read_only=True)

    class Meta(DeadLetterSerializer.Meta):
        fields = (*DeadLetterSerializer.Meta.fields, "parameters", "traceback", "open_in_group", "replays")
        read_only_fields = fields

    @extend_schema_field(ObjectField(allow_null=True))
    def get_parameters(self, letter: DeadLetter) -> Any:
        kept = Execution.objects.filter(pk=letter.execution_id).values_list("parameters", flat=True).first()
        return None if kept is None else schema.without_secrets(letter.template.schema, kept)

    def get_traceback(self, letter: DeadLetter) -> str:
        attempts = Attempt.objects.filter(execution_id=letter.execution_id).exclude(traceback="").order_by("-number")
        return attempts.values_list("traceback", flat=True).first() or ""

    def get_open_in_group(self, letter: DeadLetter) -> int:
        count: int = self.context["open_in_group"]
        return count


class GroupSerializer(serializers.Serializer[Any]):
    """Letters of one cause: of one tenant, job (or template, where there is no job) and fingerprint."""

    count = serializers.IntegerField(read_only=True)
    first_at = InstantField(read_only=True)
    last_at = InstantField(read_only=True)
    example = DeadLetterSerializer(read_only=True, help_text="The newest; its id stands for the group.")


class ReplayProgressSerializer(serializers.Serializer[Any]):
    """How many letters are where; they add up to `total`."""

    total = serializers.IntegerField(read_only=True)
    left = serializers.IntegerField(read_only=True, help_text="Not queued yet; of a replay that has ended, never.")
    queued = serializers.IntegerField(read_only=True)
    running = serializers.IntegerField(read_only=True)
    succeeded = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    cancelled = serializers.IntegerField(read_only=True)
    stages = serializers.ListField(child=serializers.IntegerField(), read_only=True, help_text="The size of each.")


# `progress` in the context has that of each replay that is shown.
class ReplaySerializer(RowSerializer):
    tenant = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    job_name = serializers.CharField(source="job.name", default=None, read_only=True, allow_null=True)
    template = serializers.CharField(source="template.name", read_only=True)
    stopped_by = serializers.IntegerField(
        source="stopped_by_id", read_only=True, allow_null=True, help_text="The execution that failed again."
    )
    progress = serializers.SerializerMethodField()

    class Meta:
        model = DeadLetterReplay
        fields = (
            *("id", "tenant", "job_id", "job_name", "template", "fingerprint", "error_class", "requested_by"),
            *("request_id", "status", "stage", "stopped_by", "note", "created_at", "finished_at", "progress"),
        )
        read_only_fields = fields

    @extend_schema_field(ReplayProgressSerializer)
    def get_progress(self, replay: DeadLetterReplay) -> Any:
        return ReplayProgressSerializer(self.context["progress"][replay.pk]).data


class ReplayedSerializer(serializers.Serializer[Any]):
    execution_id = serializers.IntegerField(read_only=True, help_text="The new execution.")


class DiscardedSerializer(serializers.Serializer[Any]):
    discarded = serializers.IntegerField(read_only=True, help_text="How many letters.")
