"""The few threads in which the live channel asks PostgreSQL and Redis: however many listen, the API keeps the other
connections of the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from django.db import connections

Answer = TypeVar("Answer")

THREADS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live")


async def ask(question: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer:
    """What the function returns or raises. Its connection goes back to the pool."""
    call = partial(_ask, question, *arguments, **options)
    return await asyncio.get_running_loop().run_in_executor(THREADS, call)


def _ask(question: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer:
    try:
        return question(*arguments, **options)
    finally:
        connections.close_all()
