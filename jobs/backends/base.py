"""The seam between deciding and executing: a backend announces executions to those who run them, nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings


class BackendUnavailable(Exception):
    """The announcement did not go out. Nothing is lost by that: the sweep announces again."""


@dataclass(frozen=True)
class Announcement:
    execution_id: int
    queue: str
    priority: int


class Backend(Protocol):
    name: str

    def announce(self, announcements: Sequence[Announcement]) -> None:
        """Tell the workers that these executions wait. Raises `BackendUnavailable`."""

    def waiting(self, queue: str) -> int:
        """How many announcements of a queue nobody has taken yet. Raises `BackendUnavailable`."""

    def is_provisioned(self) -> bool:
        """Whether the configuration names all that this backend needs."""


def get_backend() -> Backend:
    """The backend that SCHEDULER_USE_CELERY chooses."""
    if settings.SCHEDULER_USE_CELERY:
        from jobs.backends.celery import CeleryBackend

        return CeleryBackend()
    from jobs.backends.apscheduler import ApschedulerBackend

    return ApschedulerBackend()
