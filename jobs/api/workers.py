"""`/api/v1/workers` and `/api/v1/queues`: who runs things and how they are, and what waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.scopes import Scope
from jobs import workers
from jobs.api.base import EngineViewSet
from jobs.models import Worker
from scheduler_project.api.refusals import require_superuser
from scheduler_project.api.serializers import InstantField, StrictSerializer, TextField
from scheduler_project.lib import sql


class ProcessSerializer(serializers.Serializer[Any]):
    pid = serializers.IntegerField(read_only=True)
    rss = serializers.IntegerField(read_only=True, help_text="Bytes, what it shares with others counted whole.")
    pss = serializers.IntegerField(read_only=True, help_text="Bytes, of what it shares only its part.")


class CurrentRunSerializer(serializers.Serializer[Any]):
    execution_id = serializers.IntegerField(read_only=True)
    job_id = serializers.IntegerField(read_only=True, allow_null=True)
    name = serializers.CharField(read_only=True)
    queue = serializers.CharField(read_only=True)
    pid = serializers.IntegerField(read_only=True)
    started_at = InstantField(read_only=True)
    expected_end_at = InstantField(
        read_only=True,
        allow_null=True,
        help_text="By its progress or by earlier runs; null when neither says anything.",
    )
    limit_at = InstantField(read_only=True, help_text="When it is ended.")


class WorkerSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="worker.pk", read_only=True)
    name = serializers.CharField(source="worker.name", read_only=True)
    hostname = serializers.CharField(source="worker.hostname", read_only=True)
    pid = serializers.IntegerField(source="worker.pid", read_only=True)
    state = serializers.ChoiceField(choices=workers.STATES, read_only=True)
    trouble = serializers.CharField(read_only=True, help_text="Why it is not healthy; empty when it is.")
    queues = serializers.ListField(source="worker.queues", child=serializers.CharField(), read_only=True)
    pool = serializers.CharField(source="worker.pool", read_only=True)
    processes = serializers.IntegerField(
        source="worker.concurrency", read_only=True, help_text="How many runs it does at once."
    )
    running = serializers.IntegerField(read_only=True, help_text="Of all tenants.")
    runs_done = serializers.IntegerField(source="worker.runs_done", read_only=True, help_text="Since it started.")
    release = serializers.CharField(source="worker.release", read_only=True)
    max_tasks_per_child = serializers.IntegerField(source="worker.max_tasks_per_child", read_only=True, allow_null=True)
    max_memory_mb = serializers.IntegerField(source="worker.max_memory_mb", read_only=True, allow_null=True)
    rss_bytes = serializers.IntegerField(read_only=True, allow_null=True)
    pss_bytes = serializers.IntegerField(read_only=True, allow_null=True)
    memory = ProcessSerializer(
        source="worker.memory", many=True, read_only=True, allow_null=True, help_text="Each process, the parent first."
    )
    started_at = InstantField(source="worker.started_at", read_only=True)
    heartbeat_at = InstantField(source="worker.heartbeat_at", read_only=True)
    heard_at = InstantField(
        source="worker.heard_at", read_only=True, allow_null=True, help_text="When a message last reached it."
    )
    draining_since = InstantField(source="worker.draining_since", read_only=True, allow_null=True)
    drains_until = InstantField(
        source="worker.drains_until", read_only=True, allow_null=True, help_text="When it hands back what still runs."
    )
    safe_to_restart_at = InstantField(
        read_only=True, allow_null=True, help_text="When what it runs now has probably ended; null when it is gone."
    )
    stopped_at = InstantField(source="worker.stopped_at", read_only=True, allow_null=True)
    runs = CurrentRunSerializer(many=True, read_only=True, help_text="What it runs now, of the caller's tenants.")


class CanarySerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(
        source="canary",
        choices=["answered", "asked", "deaf", "none"],
        read_only=True,
        help_text="`deaf`: nobody has answered for half a minute, though processes are free.",
    )
    asked_at = InstantField(read_only=True, allow_null=True)
    answered_at = InstantField(read_only=True, allow_null=True)
    answered_by = serializers.CharField(read_only=True)
    answer_seconds = serializers.FloatField(read_only=True, allow_null=True)
    deaf_since = InstantField(read_only=True, allow_null=True)


class QueueSerializer(serializers.Serializer[Any]):
    queue = serializers.CharField(read_only=True)
    waiting = serializers.DictField(
        child=serializers.IntegerField(), read_only=True, help_text="Runs that could start now, by priority."
    )
    waiting_total = serializers.IntegerField(read_only=True)
    oldest_seconds = serializers.FloatField(
        read_only=True, allow_null=True, help_text="How long the one that waits longest could have started."
    )
    running = serializers.IntegerField(read_only=True)
    ended_per_minute = serializers.FloatField(read_only=True, help_text="Over the last five minutes.")
    paused_at = InstantField(
        read_only=True, allow_null=True, help_text="Since when nobody takes anything from it; null while it is open."
    )
    paused_by = serializers.CharField(read_only=True)
    pause_note = serializers.CharField(read_only=True)
    workers = serializers.IntegerField(read_only=True, help_text="With a recent heartbeat.")
    processes = serializers.IntegerField(read_only=True, help_text="Of these workers together.")
    canary = CanarySerializer(source="*", read_only=True, help_text="The last question that went through the queue.")
    redelivered = serializers.IntegerField(read_only=True, help_text="Announcements that had to be repeated.")


class QueuesSerializer(serializers.Serializer[Any]):
    queues = QueueSerializer(many=True, read_only=True)


class WorkerViewSet(EngineViewSet):
    queryset = Worker.objects.none()
    serializer_class = WorkerSerializer
    required_scopes = {"list": Scope.SCHEDULER_READ, "retrieve": Scope.SCHEDULER_READ}
    operation_ids = {"list": "list_workers", "retrieve": "get_worker"}
    kept = frozenset({"list", "retrieve"})

    def list(self, request: Request) -> Response:
        """All workers, those of the last day that are gone included: the living first."""
        page = self.paginate_queryset(Worker.objects.order_by("-stopped_at", "name"))
        return self.get_paginated_response(self._shown(page or []))

    def retrieve(self, request: Request, pk: str) -> Response:
        """One worker: how it is, what it runs, and when it could be restarted without ending a run."""
        worker = Worker.objects.filter(pk=int(pk)).first()
        if worker is None:
            raise NotFound(f"There is no worker {pk}. Those that ended a day ago are forgotten.")
        return Response(self._shown([worker])[0])

    def _shown(self, rows: Sequence[Worker]) -> Any:
        tenant_ids = self.principal.tenant_ids(Scope.SCHEDULER_READ)
        return WorkerSerializer(workers.statuses(rows, now=sql.now(), tenant_ids=tenant_ids), many=True).data


class QueuePauseSerializer(StrictSerializer):
    note = TextField(max_length=workers.MOST_NOTE, help_text="Why; everybody whose runs wait reads it.")


class QueueViewSet(EngineViewSet):
    required_scopes = {
        "queues": Scope.SCHEDULER_READ,
        **dict.fromkeys(("pause", "resume"), Scope.SCHEDULER_WRITE),
    }
    operation_ids = {"queues": "list_queues", "pause": "pause_queue", "resume": "resume_queue"}
    kept = frozenset({"queues"})
    serializer_class = QueuesSerializer
    errors = {
        "pause": {404: "There is no such queue.", 409: "It is paused already."},
        "resume": {409: "It is not paused."},
    }

    @extend_schema(responses=QueuesSerializer)
    def queues(self, request: Request) -> Response:
        """Each queue: how many runs of the caller's tenants wait in each priority and run, who serves it, and whether
        they hear."""
        found = workers.list_queues(tenant_ids=self.principal.tenant_ids(Scope.SCHEDULER_READ), with_rates=True)
        return Response(QueuesSerializer({"queues": found}).data)

    @extend_schema(request=QueuePauseSerializer, responses=QueueSerializer)
    def pause(self, request: Request, queue: str) -> Response:
        """From now on nobody takes anything from it, of any tenant. What runs goes on."""
        self._require_superuser()
        try:
            workers.pause(queue, actor=self.principal.label, **self.read_body(QueuePauseSerializer))
        except workers.UnknownQueue as error:
            raise NotFound(str(error)) from None
        return self._shown(queue)

    @extend_schema(request=None, responses=QueueSerializer)
    def resume(self, request: Request, queue: str) -> Response:
        """Workers take from it again, at once."""
        self._require_superuser()
        self.read_body(StrictSerializer)
        workers.resume(queue, actor=self.principal.label)
        return self._shown(queue)

    def _shown(self, queue: str) -> Response:
        every = workers.list_queues(with_rates=True)
        found = next((one for one in every if one.queue == queue), None) or workers.nothing_of(queue)
        return Response(QueueSerializer(found).data)

    def _require_superuser(self) -> None:
        require_superuser(
            self.principal,
            "A queue serves every tenant, so only superusers pause and resume one",
            instead="To hold one job back, pause it.",
        )
