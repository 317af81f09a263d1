"""Which releases of Celery and kombu do not go deaf."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import metadata

LEAST = (5, 7)


def refusals(find: Callable[[str], str] = metadata.version) -> list[str]:
    """What is too old here; nothing when all is well."""
    installed = {name: find(name) for name in ("celery", "kombu")}
    return [
        f"{name} {release} can stop reading messages after it has lost the broker. Install {name} 5.7 or newer, as "
        "requirements.txt says."
        for name, release in installed.items()
        if _numbers(release) < LEAST
    ]


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:2])
