"""Lets the template work, and says how that ended."""

from __future__ import annotations

import inspect
import json
import random
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.utils import InterfaceError, OperationalError

from accounts.sealing import CannotOpen, KeysUnavailable
from jobs import sealed
from jobs.execution import coroutines, secret_values
from jobs.execution.interrupts import Cancelled, Interrupts, SoftTimeout
from jobs.execution.run_context import ExecutionContext
from jobs.executions import Claim, Ending
from jobs.rules.states import AttemptOutcome
from scheduler_project.lib import sql
from scheduler_project.lib.circuits import CircuitOpen
from templates_registry import registry
from templates_registry.base import Cancelled as TemplateStopped
from templates_registry.base import JobTemplate

MAX_RESULT_BYTES = 262_144
SPREAD = 2.0  # seconds over which runs that waited for a circuit come back


class ResultTooLarge(Exception):
    """The template returned more than an execution keeps."""


def open_parameters(claim: Claim, context: ExecutionContext) -> dict[str, Any] | Ending:
    """The parameters as they were given, references resolved, or how the run has ended without them. From now on the
    redactor knows the secrets among them."""
    try:
        template = registry.get(claim.template, claim.template_version)
        if not context.redactor.concerns(template):
            return claim.parameters
        opened = sealed.open_all(
            template.schema(),
            claim.parameters,
            tenant_id=claim.tenant_id,
            template=claim.template,
            resolve=lambda reference: secret_values.resolve(reference.text, tenant=claim.tenant, place=claim.template),
        )
        context.redactor.register_parameters(template, opened)
    except KeysUnavailable as error:
        return _waiting_for_keys(error)
    except (OperationalError, InterfaceError) as error:
        return _waiting_for_keys(KeysUnavailable(f"The database did not hand out the keys: {error}"))
    except CannotOpen as error:
        return failure(AttemptOutcome.FAILED, error, may_retry=False)
    except Exception as error:  # noqa: BLE001  an unknown template, a secret that is not where it should be
        return failure(AttemptOutcome.FAILED, error)
    return opened


def run(claim: Claim, context: ExecutionContext, interrupts: Interrupts, parameters: dict[str, Any] | Ending) -> Ending:
    """What the template made of it, without its secrets; never raises what the template raises."""
    if isinstance(parameters, Ending):
        return parameters
    try:
        return context.redactor.ending(_let_work(claim, context, interrupts, parameters))
    except BaseException as error:  # noqa: BLE001  from judging what it had raised or returned
        return context.redactor.ending(failure(AttemptOutcome.FAILED, error))


def failure(outcome: AttemptOutcome, error: BaseException, *, words: str = "", may_retry: bool = True) -> Ending:
    return Ending(
        outcome,
        error=words or sql.text(_words(error)),  # logs take no half characters either
        error_class=f"{type(error).__module__}.{type(error).__qualname__}",
        traceback=sql.text("".join(traceback.format_exception(error))),
        may_retry=may_retry,
    )


def _let_work(claim: Claim, context: ExecutionContext, interrupts: Interrupts, parameters: dict[str, Any]) -> Ending:
    template: type[JobTemplate] = JobTemplate
    try:
        template = registry.get(claim.template, claim.template_version)
        problems = template.find_problems(parameters)
        if problems:
            return Ending(
                AttemptOutcome.FAILED,
                error=f"The parameters do not fit the template: {_in_words(problems)}",
                error_class="InvalidParameters",
                may_retry=False,
            )
        with interrupts.accepted():
            work = template().dry_run if claim.dry_run else template().run
            result: Any = work(context, parameters)
            if inspect.iscoroutine(result):
                result = coroutines.run(result)
            if claim.dry_run:
                result = result.to_json()
        return Ending(AttemptOutcome.SUCCEEDED, result=_storable(result))
    except TemplateStopped as error:
        if context.is_cancelled():
            return Ending(AttemptOutcome.CANCELLED, result=_storable(error.result), error=str(error))
        return failure(AttemptOutcome.FAILED, error, may_retry=False)
    except Cancelled:
        return Ending(AttemptOutcome.CANCELLED)
    except CircuitOpen as error:
        return _held_back(error)
    except SoftTimeout as error:
        words = f"Ran longer than its soft limit of {claim.policy.soft_timeout_seconds} s."
        return failure(AttemptOutcome.TIMED_OUT, error, words=words)
    except BaseException as error:  # noqa: BLE001  whatever a template raises is its failure, not ours
        if circuit := _circuit_of_tasks(error):
            return _held_back(circuit)
        return failure(AttemptOutcome.FAILED, error, may_retry=template.may_retry(error))


def _waiting_for_keys(error: KeysUnavailable) -> Ending:
    """Handed back: the run has not begun, so it has lost no try."""
    wait = timedelta(seconds=error.wait + SPREAD * random.random())  # noqa: S311
    return Ending(
        AttemptOutcome.HANDED_BACK,
        error=str(error),
        error_class="KeysUnavailable",
        reason="keys_unavailable",
        wait=wait,
    )


def _held_back(error: CircuitOpen) -> Ending:
    """Handed back until the circuit lets a trial through, and not all at once: only one of them is that trial."""
    wait = max(error.until - datetime.now(UTC), timedelta()) + timedelta(seconds=SPREAD * random.random())  # noqa: S311
    return Ending(
        AttemptOutcome.HANDED_BACK, error=str(error), error_class="CircuitOpen", reason="circuit_open", wait=wait
    )


def _circuit_of_tasks(error: BaseException) -> CircuitOpen | None:
    """Of a task group that failed for open circuits and nothing else, the first."""
    found, others = error.split(CircuitOpen) if isinstance(error, BaseExceptionGroup) else (None, None)
    if others is not None:
        return None
    first: BaseException | None = found
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, CircuitOpen) else None


def _words(error: BaseException) -> str:
    try:
        return str(error) or type(error).__name__
    except Exception:  # noqa: BLE001  an error of the template's own making
        return type(error).__name__


def _storable(result: Any) -> Any:
    """The result as JSON. Raises TypeError, ValueError or ResultTooLarge, which then are the run's error."""
    text = json.dumps(result, allow_nan=False, ensure_ascii=False).encode()
    if len(text) > MAX_RESULT_BYTES:
        raise ResultTooLarge(
            f"The result has {len(text)} bytes; an execution keeps {MAX_RESULT_BYTES}. Store it elsewhere and return "
            "a reference."
        )
    if b"\\u0000" in text:
        raise TypeError("The result contains a NUL character, which JSON in PostgreSQL cannot hold.")
    return json.loads(text)


def _in_words(problems: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{path or 'parameters'}: {' '.join(messages)}" for path, messages in problems.items())
