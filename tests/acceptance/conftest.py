"""Real processes for a test, ended after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from tests.processes import Processes


@pytest.fixture
def processes(transactional_db: None, tmp_path: Path) -> Iterator[Processes]:
    redis.Redis.from_url(settings.CELERY_BROKER_URL).flushdb()
    started = Processes(tmp_path)
    yield started
    started.end()
