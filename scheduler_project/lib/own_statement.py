"""A statement that is committed when it returns, whatever the template has open on its connection."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from psycopg.pq import TransactionStatus

from scheduler_project.lib import sql


def run(statement: str, values: Mapping[str, Any]) -> list[sql.Row]:
    """On the connection of this thread when nothing is open on it; else, and in an event loop, on one of its own."""
    if _is_free():
        return sql.rows(statement, values)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="own-statement") as threads:
        return threads.submit(_alone, statement, values).result()


def _is_free() -> bool:
    if _has_event_loop() or connection.in_atomic_block or not connection.get_autocommit():
        return False
    server = connection.connection
    return server is None or server.info.transaction_status is TransactionStatus.IDLE


def _has_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _alone(statement: str, values: Mapping[str, Any]) -> list[sql.Row]:
    try:
        return sql.rows(statement, values)
    finally:
        connection.close()
