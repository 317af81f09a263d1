"""Takes messages off the broker, and throws away what is no message of Celery's in JSON: one that raises where Celery
does not expect it would end the worker, come back, and end the next one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer

logger = logging.getLogger("celery.worker")

JSON = "application/json"
# What reading a message of any form can raise; errors of the broker's connection are none of them.
UNREADABLE = (TypeError, ValueError, LookupError, AttributeError, RecursionError)


class StrictConsumer(Consumer):
    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:
        handle = super().create_task_handler(*arguments, **options)

        def on_task_received(message: Any) -> None:
            if message.content_type != JSON:
                self._throw_away(message, f"its content is {str(message.content_type)[:100]!r}, not {JSON}")
                return
            try:
                handle(message)
            except UNREADABLE as error:
                self._throw_away(message, f"it cannot be read: {type(error).__name__}")

        return on_task_received

    def _throw_away(self, message: Any, why: str) -> None:
        logger.error("A message on the broker was thrown away: %s.", why)
        message.reject_log_error(logger, self.connection_errors)  # type: ignore[attr-defined]
