"""What the views of this app share: the engine's errors as answers, bodies that the engine itself reads."""

from __future__ import annotations

import math
from typing import Any, Never

from rest_framework.request import Request

from accounts.sealing import CannotOpen, KeysUnavailable
from jobs import queues
from jobs.backfill import BackfillHasEnded, BackfillIsRunning
from jobs.bulk.each import NotQueued
from jobs.calendars import CalendarChanged, CalendarInUse
from jobs.dead_letters import (
    CannotReplay,
    CountHasChanged,
    LetterIsNotDiscarded,
    LetterIsNotOpen,
    NoOpenLetters,
    ReplayHasEnded,
)
from jobs.dependencies import DependencyIsGone
from jobs.executions import AlreadyFinished, JobIsArchived, NotWaitingForApproval, NotWaitingForRetry
from jobs.hooks import DeliveryReused, HookIsClosed, TooManyHooks
from jobs.ledger import StillCatchingUp
from jobs.maintenance import MaintenanceIsOpen, NoMaintenance
from jobs.pools import PoolInUse
from jobs.queues import QueueFull
from jobs.registry import RevisionConflict
from jobs.runtime_flags import SchedulerDisabled
from jobs.transfer import PlanChanged
from jobs.webhooks import NothingToRedeliver, TooManyWebhooks
from jobs.workers import QueueIsNotPaused, QueueIsPaused
from scheduler_project.api.errors import Busy, Conflict, Invalid
from scheduler_project.api.principal import Principal
from scheduler_project.api.serializers import StrictSerializer
from scheduler_project.api.views import ApiViewSet, TenantScopedViewSet
from scheduler_project.lib.input import InvalidInput

CONFLICTS: dict[type[Exception], str] = {
    AlreadyFinished: "already_finished",
    BackfillHasEnded: "backfill_has_ended",
    BackfillIsRunning: "backfill_is_running",
    CalendarChanged: "calendar_changed",
    CalendarInUse: "calendar_in_use",
    DeliveryReused: "delivery_reused",
    HookIsClosed: "hook_is_closed",
    CannotOpen: "secret_cannot_be_opened",
    CannotReplay: "cannot_replay",
    CountHasChanged: "count_has_changed",
    NotQueued: "not_queued",
    PlanChanged: "plan_changed",
    DependencyIsGone: "dependency_is_gone",
    JobIsArchived: "job_is_archived",
    LetterIsNotDiscarded: "letter_is_not_discarded",
    LetterIsNotOpen: "letter_is_not_open",
    MaintenanceIsOpen: "maintenance_is_open",
    NoOpenLetters: "no_open_letters",
    NoMaintenance: "no_maintenance",
    NotWaitingForApproval: "not_waiting_for_approval",
    NotWaitingForRetry: "not_waiting_for_retry",
    PoolInUse: "pool_in_use",
    QueueIsNotPaused: "queue_is_not_paused",
    QueueIsPaused: "queue_is_paused",
    ReplayHasEnded: "replay_has_ended",
    RevisionConflict: "revision_conflict",
    SchedulerDisabled: "scheduler_disabled",
    NothingToRedeliver: "nothing_to_redeliver",
    StillCatchingUp: "still_catching_up",
    TooManyHooks: "too_many_hooks",
    TooManyWebhooks: "too_many_webhooks",
}


def answer_for(error: Exception) -> Exception:
    """The API's error for one of the engine's; any other error as it is."""
    if isinstance(error, InvalidInput):
        return Invalid(error.fields)
    if isinstance(error, KeysUnavailable):
        return Busy(str(error), code="keys_unavailable", wait=math.ceil(error.wait))
    if isinstance(error, QueueFull):
        queues.count_rejection(error)
        return Busy(str(error), code="queue_full", wait=error.retry_after)
    code = CONFLICTS.get(type(error))
    return Conflict(str(error), code=code) if code else error


class EngineViewSet(ApiViewSet):
    def handle_exception(self, exc: Exception) -> Any:
        return super().handle_exception(answer_for(exc))


class TenantEngineViewSet(EngineViewSet, TenantScopedViewSet):
    pass


def split_body(request: Request, options: type[StrictSerializer]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that the API itself reads, validated, and the others, which the engine reads. Raises Invalid."""
    body = request.data
    if not isinstance(body, dict):
        refuse_body()
    reader = options(data={name: value for name, value in body.items() if name in options().fields})
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data), {name: value for name, value in body.items() if name not in reader.fields}


def refuse_body() -> Never:
    raise Invalid({"": ["Write a JSON object."]})


def may_run_sub_minute(principal: Principal) -> bool:
    """A permission of users; keys have none."""
    has_permission = getattr(principal.user, "has_perm", None)
    return bool(has_permission and has_permission("jobs.run_sub_minute"))
