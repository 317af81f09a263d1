"""What a job template is: a class with a schema for its parameters and a method that does the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal, TypeAlias

from templates_registry.context import RunContext
from templates_registry.schema import Schema, validate

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

# `Any`, since a template reads its parameters only after the schema has judged them.
Parameters: TypeAlias = Mapping[str, Any]


class PermanentFailure(Exception):
    """The run failed in a way that another attempt cannot mend; it is not retried."""


class Cancelled(Exception):
    """The run saw `context.is_cancelled()` and stopped; `result` says what it had done by then."""

    def __init__(self, message: str = "Cancelled.", *, result: JSON = None) -> None:
        super().__init__(message)
        self.result = result


@dataclass(frozen=True)
class EffectReport:
    """What a run would do, found out without doing it."""

    summary: str
    count: int | None = None
    sample: Sequence[JSON] = ()
    facts: Mapping[str, JSON] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "sample": list(self.sample), "facts": dict(self.facts)}


class JobTemplate:
    """Base of all templates. A subclass sets the attributes, implements `run` and is registered with `@register`."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str] = ""
    category: ClassVar[str] = "General"
    description: ClassVar[str] = ""

    # A JSON Schema (2020-12), or a function that returns one and is called once, at registration.
    parameters: ClassVar[Schema | Callable[[], Schema]] = {
        "type": "object",
        "additionalProperties": False,
    }

    is_destructive: ClassVar[bool] = False
    supports_dry_run: ClassVar[bool] = False
    is_idempotent: ClassVar[bool] = False
    requires_approval: ClassVar[bool] = False  # each run waits until somebody lets it start

    min_interval: ClassVar[timedelta] = timedelta(seconds=60)
    timeout: ClassVar[timedelta] = timedelta(hours=1)
    soft_timeout: ClassVar[timedelta | None] = None
    max_retries: ClassVar[int] = 3
    retry_on: ClassVar[tuple[type[BaseException], ...]] = (Exception,)
    never_retry_on: ClassVar[tuple[type[BaseException], ...]] = ()
    on_lost: ClassVar[Literal["retry", "fail"]] = "retry"

    def run(self, context: RunContext, parameters: Parameters) -> JSON | Awaitable[JSON]:
        """Do the work; the value returned becomes the result of the execution. May be an `async def`."""
        raise NotImplementedError

    def dry_run(self, context: RunContext, parameters: Parameters) -> EffectReport | Awaitable[EffectReport]:
        """Say what `run` would do, and change nothing."""
        raise PermanentFailure(f"The template {self.name} has no dry run.")

    @classmethod
    def check_parameters(cls, parameters: Parameters) -> dict[str, list[str]]:
        """Judge what a schema cannot say. Called when a job is saved, with parameters that satisfy the schema."""
        return {}

    @classmethod
    def check_for_tenant(cls, parameters: Parameters, tenant: str) -> dict[str, list[str]]:
        """Judge what depends on who asks. Called when an operator of that tenant chooses the parameters."""
        return {}

    @classmethod
    def schema(cls) -> Schema:
        return cls.parameters() if callable(cls.parameters) else cls.parameters

    @classmethod
    def find_problems(cls, parameters: JSON) -> dict[str, list[str]]:
        """Messages by path, from the schema and then from `check_parameters`; empty when all is well."""
        problems = validate(cls.schema(), parameters)
        if problems or not isinstance(parameters, Mapping):
            return problems
        return cls.check_parameters(parameters)

    @classmethod
    def may_retry(cls, error: BaseException) -> bool:
        never = (PermanentFailure, Cancelled, *cls.never_retry_on)
        return isinstance(error, cls.retry_on) and not isinstance(error, never)
