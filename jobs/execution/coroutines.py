"""Runs a coroutine of a template in the main thread, so that limits and cancelling reach it like any other code."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. What interrupts this thread ends the loop's wait; then every task is cancelled, and their
    `finally` blocks run."""
    with asyncio.Runner() as runner:
        return runner.run(_closing_connections(coroutine))


async def _closing_connections(coroutine: Coroutine[Any, Any, T]) -> T:
    """The ORM's asynchronous methods work in a thread, whose connections would outlive the run."""
    try:
        return await coroutine
    finally:
        await sync_to_async(connections.close_all)()
