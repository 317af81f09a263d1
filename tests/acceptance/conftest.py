"""Processes for a test, on a broker that holds nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import redis
from django.conf import settings


@pytest.fixture
def running(transactional_db: None) -> Iterator[ExitStack]:
    """Stops at the end of the test what was entered into it."""
    redis.Redis.from_url(settings.CELERY_BROKER_URL).flushdb()
    with ExitStack() as stack:
        yield stack
