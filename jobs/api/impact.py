"""`POST /api/v1/jobs/{id}/impact`: what a change would do, before it is saved. Stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import impact, registry, restoring
from jobs.api.base import TenantEngineViewSet, may_run_sub_minute, split_body
from jobs.api.inputs import ImpactOptionsSerializer, JobImpactSerializer
from jobs.api.job_output import ClockChangeSerializer
from jobs.api.restores import find_revision
from jobs.definition import InvalidJob
from jobs.impact import Impact, Proposal
from jobs.models import Job
from jobs.rules.schedule import load_zone
from scheduler_project.api.serializers import InstantField
from scheduler_project.lib import sql

SHOWN = 10


class LocalInstantSerializer(serializers.Serializer[Any]):
    due_at = InstantField(read_only=True)
    local = serializers.CharField(read_only=True, help_text="The same instant on the schedule's wall clock.")


class MoveSerializer(serializers.Serializer[Any]):
    before = LocalInstantSerializer(read_only=True)
    after = LocalInstantSerializer(read_only=True)


class InstantsSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(read_only=True)
    first = LocalInstantSerializer(many=True, read_only=True, help_text=f"The first {SHOWN}.")


class MovesSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(read_only=True)
    first = MoveSerializer(many=True, read_only=True, help_text=f"The first {SHOWN}.")


class RunsSerializer(InstantsSerializer):
    due = serializers.IntegerField(read_only=True, help_text="With those that are held back.")
    held_back = serializers.DictField(child=serializers.IntegerField(), read_only=True, help_text="Counts by reason.")


class CollisionSerializer(serializers.Serializer[Any]):
    at = InstantField(read_only=True, help_text="The minute.")
    jobs = serializers.IntegerField(read_only=True)
    names = serializers.ListField(child=serializers.CharField(), read_only=True)


class UndecidedSerializer(serializers.Serializer[Any]):
    since = InstantField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    is_cut = serializers.BooleanField(read_only=True)
    outcomes = serializers.DictField(child=serializers.IntegerField(), read_only=True)


class MissedSerializer(serializers.Serializer[Any]):
    since = InstantField(read_only=True)
    until = InstantField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    is_cut = serializers.BooleanField(read_only=True, help_text="Whether there were more than are counted.")
    choices = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="How many runs each value of `missed` comes to."
    )
    why_not = serializers.CharField(read_only=True)


class ImpactSerializer(serializers.Serializer[Any]):
    change = serializers.CharField(read_only=True)
    timezone = serializers.CharField(read_only=True)
    since = InstantField(read_only=True)
    until = InstantField(read_only=True)
    is_cut = serializers.BooleanField(read_only=True, help_text="So many are due that it ends before thirty days.")
    notes = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="All of it in sentences.")
    before = RunsSerializer(read_only=True)
    after = RunsSerializer(read_only=True)
    added = InstantsSerializer(read_only=True)
    removed = InstantsSerializer(read_only=True)
    moved = MovesSerializer(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)
    clock_changes = ClockChangeSerializer(many=True, read_only=True)
    collisions = CollisionSerializer(many=True, read_only=True)
    queued = serializers.IntegerField(read_only=True)
    running = serializers.IntegerField(read_only=True)
    undecided = UndecidedSerializer(read_only=True, allow_null=True)
    missed = MissedSerializer(read_only=True, allow_null=True)


class ImpactViewSet(TenantEngineViewSet):
    noun = "job"
    queryset = Job.objects.none()
    serializer_class = ImpactSerializer
    required_scopes = {"impact": Scope.SCHEDULER_READ}
    operation_ids = {"impact": "assess_change_of_job"}
    errors = {"impact": {409: "The job is archived, or it is at another revision than `expected_revision`."}}

    @extend_schema(request=JobImpactSerializer(partial=True), responses={200: ImpactSerializer})
    def impact(self, request: Request, pk: str) -> Response:
        """What a change, with the body of PATCH, or an `action` would do in the next thirty days: runs added, removed
        and moved, changes of the clocks, other jobs at the same minutes, and what becomes of what was missed."""
        job = self.find(Job.objects.select_related("template", "tenant"), pk)
        options, definition = split_body(request, ImpactOptionsSerializer)
        if options.get("expected_revision") not in (None, job.revision):
            raise registry.RevisionConflict(f"The job is at revision {job.revision}; read it again.")
        now = sql.now()
        action = options.get("action")
        if "restore" in options:
            proposal = self._restored(job, options, definition, now)
        elif action is None:
            proposal = impact.propose_change(
                job, definition, now=now, may_run_sub_minute=may_run_sub_minute(self.principal)
            )
        else:
            if definition:
                raise InvalidJob({name: ["Not together with `action`."] for name in definition})
            if options.get("until") is not None and action != "pause":
                raise InvalidJob({"until": ["Only a pause ends by itself; leave it out."]})
            proposal = impact.propose_action(job, action, now=now, by=self.principal.label, until=options.get("until"))
        return Response(ImpactSerializer(shown(impact.assess(proposal, now=now))).data)

    def _restored(self, job: Job, options: dict[str, Any], definition: dict[str, Any], now: datetime) -> Proposal:
        others = [*definition, *(name for name in ("action", "until") if options.get(name) is not None)]
        if others:
            raise InvalidJob({name: ["Not together with `restore`."] for name in others})
        data = restoring.definition_of(find_revision(job, options["restore"]), job)
        may = may_run_sub_minute(self.principal)
        return impact.propose_change(job, data, now=now, may_run_sub_minute=may, replaces=True)


def shown(found: Impact) -> dict[str, Any]:
    """With counts, and the first of each list on the schedule's wall clock."""
    zone = load_zone(found.timezone)

    def local(at: datetime) -> dict[str, Any]:
        return {"due_at": at, "local": at.astimezone(zone).isoformat()}

    def listed(instants: Sequence[datetime]) -> dict[str, Any]:
        return {"count": len(instants), "first": [local(at) for at in instants[:SHOWN]]}

    moved = found.comparison.moved
    sides = {
        name: {**listed(runs.let_in), "due": runs.due, "held_back": runs.held_back}
        for name, runs in (("before", found.before), ("after", found.after))
    }
    return {
        **{name: getattr(found, name) for name in PLAIN},
        **sides,
        "since": found.now,
        "added": listed(found.comparison.added),
        "removed": listed(found.comparison.removed),
        "moved": {
            "count": len(moved),
            "first": [{"before": local(move.before), "after": local(move.after)} for move in moved[:SHOWN]],
        },
        "unchanged": found.comparison.unchanged,
    }


PLAIN = (
    "change", "timezone", "until", "is_cut", "notes", "clock_changes", "collisions", "queued", "running", "undecided",
    "missed",
)  # fmt: skip
