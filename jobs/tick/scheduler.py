"""The Celery beat class: drives our turn instead of beat's own schedule."""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from jobs.tick.service import Service


class LedgerScheduler(Scheduler):
    """`celery beat -S jobs.tick.scheduler:LedgerScheduler`. Run two or more; one leads.

    Beat's own `schedule`, its file and its entries stay empty: what is due is in the database.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not settings.SCHEDULER_USE_CELERY:
            raise ImproperlyConfigured(
                "SCHEDULER_USE_CELERY is false, so no beat is needed: start `manage.py run_scheduler` instead."
            )
        self.service: Service | None = None
        self._is_ticking = False
        self._is_told_to_end = False
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """Beat asks for its schedule once, before the first tick: the moment to start our loops."""
        self.service = Service()
        self.service.start()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """One turn; beat sleeps for as long as this says."""
        assert self.service is not None
        self._is_ticking = True
        try:
            wait = self.service.turn.take()
        finally:
            self._is_ticking = False
        # The handler's own SystemExit can get lost: rolling an interrupted statement back raises another error over it.
        if self._is_told_to_end:
            raise SystemExit
        return wait.total_seconds()

    def sync(self) -> None:
        """Beat flushes its state here now and then; ours is already in the database."""

    def close(self) -> None:
        """Beat calls this after its loop, and before that in its signal handler: there, in the middle of a statement,
        another one would wait for ever for the connection that the first one holds."""
        if self._is_ticking:
            self._is_told_to_end = True
        elif self.service is not None:
            self.service.stop()

    @property
    def info(self) -> str:
        return "    . schedule -> the jobs in the database, one leader at a time"
