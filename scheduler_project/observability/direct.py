"""Connections for watching: own ones beside the pool, so that an exhausted pool is seen and not waited for."""

from __future__ import annotations

from typing import Any

import psycopg
import redis
from django.conf import settings
from django.db import connections
from psycopg.rows import DictRow, dict_row

CONNECT_SECONDS = 2  # the least that PostgreSQL's client takes
ANSWER_SECONDS = 1


def database() -> psycopg.Connection[DictRow]:
    """A new connection to the default database, in autocommit."""
    parameters: dict[str, Any] = connections["default"].get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    parameters["connect_timeout"] = CONNECT_SECONDS
    return psycopg.connect(**parameters, autocommit=True, row_factory=dict_row)


def broker() -> redis.Redis:
    """A client of the broker that neither waits for long nor tries again."""
    return redis.Redis.from_url(
        settings.CELERY_BROKER_URL, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS, retry=None
    )
