"""Sends what schemathesis makes of the OpenAPI document to the application, in this process, on a real database."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.urls import resolve
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from tests.contract.endpoints import document, served_operations
from tests.jobs.api.test_scope_matrix import Stage

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
EXPECTED = {501, 503}  # what this installation lacks
WRITTEN_OUT = 600  # characters of a failure


@dataclass
class Summary:
    operations: int = 0
    requests: int = 0
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    by_phase: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """One of each kind, by operation."""
    errors: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(self.statuses.items()))
        phases = ", ".join(f"{phase}: {count}" for phase, count in self.by_phase.items())
        return (
            f"{self.operations} operations, {self.requests} requests in {self.seconds:.0f} s ({phases}), "
            f"{len(self.failures)} failures, {len(self.errors)} errors\nanswers by status: {statuses}"
        )

    def problems(self) -> list[str]:
        return [*(f"{where} {what}\n{text}" for (where, what), text in self.failures.items()), *self.errors]


@contextmanager
def connections_kept() -> Iterator[None]:
    """Django ends every request by closing a connection with a transaction on it, such as that around the request."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in signals:
            signal.connect(close_old_connections)


Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def undone(application: Application, caller: dict[str, str], opened: set[Any]) -> Application:
    """The application, of whose work nothing stays: rows that one request removes are there for the next. Every request
    comes from the caller; what its threads have opened is noted."""
    credentials = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in caller.items()}

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with transaction.atomic():
            opened.add(connection.connection)
            parts = application({**environ, **credentials}, start_response)
            body = b"".join(parts)
            close = getattr(parts, "close", None)
            if close:
                close()
            transaction.set_rollback(True)
        return [body]

    return answer


def run(
    stage: Stage,
    caller: dict[str, str],
    application: Application,
    *,
    examples: int,
    seed: int,
    thorough: bool,
    seconds: int | None = None,
) -> Summary:
    """`caller` has the headers that say who it is. Thorough means with each wrong value of each parameter: nine
    requests of ten. After the seconds, what is left is not tried."""
    known = {
        (method, path): resolve(stage.path(name).partition("?")[0]).kwargs
        for (method, path), name in served_operations().items()
        if "{" in path and name != "hook-call"
    }
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "cache": {"enabled": False},
            **({"max-time": seconds} if seconds else {}),
            "continue-on-failure": True,
            "checks": {"enabled": False, **{check: {"enabled": True} for check in CHECKS}},
            "generation": {
                "max-examples": examples,
                "no-shrink": True,
                "with-security-parameters": False,
                "database": "none",
            },
            "phases": {
                "coverage": {"enabled": thorough, "unexpected-methods": ["PUT", "DELETE"]},
                "stateful": {"enabled": False},
            },
        }
    )
    schema = schemathesis.openapi.from_dict(strict(document(), known), config=config)
    opened: set[Any] = set()
    schema.app = undone(application, caller, opened)

    @schema.hook
    def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
        """Mostly a row that there is, or nothing but 404 would be tried."""
        operation = context.operation
        rows = known.get((operation.method.lower(), operation.path), {})
        if not path_parameters or len(str(path_parameters.get("id", ""))) % 4 == 0:
            return path_parameters
        chosen = {name: rows.get("pk" if name == "id" else name, value) for name, value in path_parameters.items()}
        return {**path_parameters, **chosen}

    summary = Summary()
    operations: set[str] = set()
    with connections_kept():
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                operations.add(event.label or "")
                take(summary, event)
            elif isinstance(event, events.NonFatalError):
                summary.errors.append(f"{event.label}: {str(event.info)[:WRITTEN_OUT]}")
            elif isinstance(event, events.FatalError):
                raise event.exception
            elif isinstance(event, events.EngineFinished):
                summary.seconds = event.running_time
    for one in opened - {connection.connection}:
        one.close()
    summary.operations = len(operations)
    return summary


def take(summary: Summary, event: events.ScenarioFinished) -> None:
    for interaction in event.recorder.interactions.values():
        summary.requests += 1
        summary.by_phase[event.phase.value] += 1
        if interaction.response is not None:
            status = interaction.response.status_code
            summary.statuses[status] += 1
            if status >= 500 and status not in EXPECTED:
                request = interaction.request
                asked = f"{request.method} {request.uri} {request.body!r}"
                summary.errors.append(f"{status}: {asked}\n  {interaction.response.content!r}"[: WRITTEN_OUT * 2])
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                interaction = event.recorder.interactions[case_id]
                answer = interaction.response.content[:300] if interaction.response else b""
                asked = f"{interaction.request.method} {interaction.request.uri} {interaction.request.body!r}"
                text = f"  {check.failure_info.failure}\n  {asked}\n  {answer!r}"[: WRITTEN_OUT * 2]
                summary.failures.setdefault((event.label or "", check.name), text)


def strict(document: Any, known: dict[tuple[str, str], dict[str, Any]]) -> Any:
    """The document, in which an answer counts as described only by its own status, with the ids of rows that exist."""
    made = copy.deepcopy(document)
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            operation["responses"].pop("default", None)
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    name = "pk" if parameter["name"] == "id" else parameter["name"]
                    value = known.get((method, path), {}).get(name)
                    if value is not None:
                        parameter["example"] = int(value) if str(value).isdecimal() else value
    return made
