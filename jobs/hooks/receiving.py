"""A call from outside: who it is from, whether it came before, and the run that it starts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError
from django.db.models import Q

from jobs import registry
from jobs.definition import InvalidJob
from jobs.executions import JobIsArchived
from jobs.models import EventHook, HookCall, Job
from jobs.rules.pointer import NothingThere, value_at
from jobs.rules.states import Trigger
from jobs.rules.webhooks import CallOutcome
from scheduler_project.lib import signatures, sql, telemetry, transactions
from scheduler_project.lib.signatures import BadSignature

MINUTE = timedelta(minutes=1)
NOTED_EVERY = timedelta(seconds=1)
NOBODY = (
    f"There is no such hook, or the signature is not good. Send {signatures.HEADER}: t=<unix seconds>,v1=<hexadecimal "
    "HMAC-SHA256 of '<t>.<body>' with the hook's secret>, at most 5 minutes after it was made."
)


class Unauthenticated(Exception):
    """The call is from nobody whom we know. Says nothing of whether there is such a hook."""


class TooManyCalls(Exception):
    """The hook has been called as often in the last minute as it may be."""

    def __init__(self, hook: EventHook, wait: timedelta) -> None:
        super().__init__(f"This hook takes {hook.calls_per_minute} calls a minute; call again later.")
        self.wait = max(round(wait.total_seconds() + 0.5), 1)


class HookIsClosed(Exception):
    """The hook or its job is switched off."""


class DeliveryReused(Exception):
    """The delivery's id came before with another body."""


@dataclass(frozen=True)
class Call:
    """What came in, as it came in."""

    public_id: str
    body: bytes
    signature: str = ""
    github_signature: str = ""
    delivery: str = ""
    request_id: str = ""


@dataclass(frozen=True)
class Received:
    execution_id: int
    is_repetition: bool


@dataclass(frozen=True)
class _Marks:
    """What a repetition is known by."""

    signed: str
    delivery: str | None
    body: str


def receive(call: Call, read_body: Callable[[bytes], Any]) -> Received:
    """Start the run that a call asks for, once. `read_body` reads the JSON of a call whose sender is known.

    Raises `Unauthenticated`, `TooManyCalls`, `HookIsClosed`, `DeliveryReused`, `InvalidJob`, `JobIsArchived`,
    `QueueFull` and whatever `read_body` raises.
    """
    hook, marks = _recognise(call, now=sql.now())
    try:
        with transactions.engine():
            return _start(hook.pk, call, marks, read_body)
    except DatabaseError:
        raise
    except TooManyCalls as error:
        _note(hook.pk, str(error), now=sql.now())
        raise
    except Exception as error:
        words = "; ".join(" ".join(part) for part in error.fields.values()) if isinstance(error, InvalidJob) else ""
        _record(hook.pk, call, marks, CallOutcome.REFUSED, at=sql.now(), message=words or str(error))
        raise


def _recognise(call: Call, *, now: datetime) -> tuple[EventHook, _Marks]:
    hook = EventHook.objects.select_related("tenant").filter(public_id=call.public_id).first()
    # For a hook that is not there the same work is done, and fails.
    judged = hook or EventHook(public_id=call.public_id)
    try:
        signed = _verify(judged, call, now)
    except BadSignature as error:
        if hook is not None:
            _note(hook.pk, str(error), now=now)
        raise Unauthenticated(NOBODY) from None
    if hook is None or not hook.tenant.is_active:
        raise Unauthenticated(NOBODY)
    delivery = hashlib.sha256(call.delivery.encode("utf-8", "replace")).hexdigest() if call.delivery else None
    return hook, _Marks(signed, delivery, hashlib.sha256(call.body).hexdigest())


def _verify(hook: EventHook, call: Call, now: datetime) -> str:
    secrets = hook.secrets(now)
    if hook.accepts_github and call.github_signature and not call.signature:
        return signatures.verify_github(call.github_signature, secrets, body=call.body)
    return signatures.verify(call.signature, secrets, body=call.body, now=now.timestamp())


def _start(hook_id: int, call: Call, marks: _Marks, read_body: Callable[[bytes], Any]) -> Received:
    # The lock puts the calls of one hook in a row, so that the second of two equal ones finds the first.
    hook = EventHook.objects.select_for_update(no_key=True).get(pk=hook_id)
    now = sql.now()
    _refuse_too_many(hook, now)
    first = _find_first(hook, marks)
    if first is not None:
        if first.body != marks.body:
            raise DeliveryReused(
                "A delivery with this id came before with another body. Give each delivery its own id."
            )
        assert first.execution_id is not None
        _record(hook.pk, call, marks, CallOutcome.REPEATED, at=now, execution_id=first.execution_id)
        return Received(first.execution_id, is_repetition=True)
    body = read_body(call.body)
    job = Job.objects.select_related("template", "tenant").get(pk=hook.job_id)
    _refuse_closed(hook, job)
    execution_id = registry.run_now(
        job,
        actor=f"hook:{hook.name}"[:200],
        trigger=Trigger.EVENT,
        parameters=_parameters(hook, body),
        request_id=call.request_id,
    )
    _record(hook.pk, call, marks, CallOutcome.ACCEPTED, at=now, execution_id=execution_id)
    return Received(execution_id, is_repetition=False)


def _refuse_too_many(hook: EventHook, now: datetime) -> None:
    recent = HookCall.objects.filter(hook=hook, at__gt=now - MINUTE).order_by("at")
    if recent.count() >= hook.calls_per_minute:
        oldest = recent.values_list("at", flat=True)[0]
        raise TooManyCalls(hook, oldest + MINUTE - now)


def _find_first(hook: EventHook, marks: _Marks) -> HookCall | None:
    is_known = Q(signed=marks.signed)
    if marks.delivery is not None:
        is_known |= Q(delivery=marks.delivery)
    return HookCall.objects.filter(is_known, hook=hook, outcome=CallOutcome.ACCEPTED).order_by("id").first()


def _refuse_closed(hook: EventHook, job: Job) -> None:
    if job.archived_at is not None:
        raise JobIsArchived(f"{job.name} is archived; it cannot run any more.")
    if not hook.is_enabled:
        raise HookIsClosed(f"The event hook {hook.name} is disabled.")
    if not job.is_enabled:
        raise HookIsClosed(f"{job.name} is disabled.")
    if job.is_paused:
        until = f" until {job.paused_until:%Y-%m-%dT%H:%M:%SZ}" if job.paused_until else ""
        raise HookIsClosed(f"{job.name} is paused{until}.")


def _parameters(hook: EventHook, body: Any) -> dict[str, Any] | None:
    """The parameters that the body fills; None when it fills none."""
    values, problems = {}, {}
    for name, pointer in hook.mapping.items():
        try:
            values[name] = value_at(body, pointer)
        except NothingThere as error:
            problems[f"parameters.{name}"] = [f"Comes from the body. {error}"]
    if problems:
        raise InvalidJob(problems)
    if hook.body_parameter:
        values[hook.body_parameter] = body
    return values or None


def _record(
    hook_id: int,
    call: Call,
    marks: _Marks,
    outcome: CallOutcome,
    *,
    at: datetime,
    execution_id: int | None = None,
    message: str = "",
) -> None:
    """Only what started a run is known again: whoever was refused may come back with the same call."""
    is_first = outcome is CallOutcome.ACCEPTED
    HookCall.objects.create(
        hook_id=hook_id,
        at=at,
        outcome=outcome,
        message=sql.text(message[:500]),
        execution_id=execution_id,
        signed=marks.signed if is_first else None,
        delivery=marks.delivery if is_first else None,
        body=marks.body,
        request_id=call.request_id,
    )
    telemetry.emit(f"event_hook.{outcome.value}", hook_id=hook_id, execution_id=execution_id or 0, reason=message)


def _note(hook_id: int, because: str, *, now: datetime) -> None:
    """Remember the newest refusal of who was not let in, at most once a second: anyone can call."""
    is_old = Q(refused_at=None) | Q(refused_at__lt=now - NOTED_EVERY)
    EventHook.objects.filter(is_old, pk=hook_id).update(refused_at=now, refused_because=because[:200])
