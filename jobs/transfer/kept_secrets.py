"""An export has marks where secrets were; on import those of the job that is there take their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jobs.definition import InvalidJob
from jobs.models import Job
from jobs.transfer.document import NOT_EXPORTED

MISSING = "Is a secret that the file does not hold, and there is none to keep; write it in its place."
IN_A_LIST = "Is a secret in a list, which cannot be kept; write it in its place."


def with_kept_secrets(given: Any, existing: Job | None, template: Any) -> Any:
    """The parameters without the marks of secrets, which are those of the existing job then. Raises `InvalidJob`."""
    marks = list(_marks(given, "parameters"))
    may_keep = existing is not None and existing.template.name == template
    problems = {path: [IN_A_LIST if "[" in path else MISSING] for path in marks if not may_keep or "[" in path}
    if problems:
        raise InvalidJob(problems)
    return _without_marks(given)


def _marks(value: Any, path: str) -> Iterator[str]:
    if value == NOT_EXPORTED:
        yield path
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _marks(part, f"{path}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _marks(part, f"{path}[{index}]")


def _without_marks(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_marks(part) for name, part in value.items() if part != NOT_EXPORTED}
    return value
