"""Which templates this process can run. What it does not know it does not claim: perhaps a newer worker does."""

from __future__ import annotations

import time

from templates_registry import registry
from templates_registry.models import TemplateVersion

ASK_AGAIN = 30.0  # seconds; a worker may be up before the rows of its templates are

_ids: list[int] = []
_asked_at = 0.0


def ids() -> list[int]:
    """The ids of their rows."""
    global _ids, _asked_at
    templates = {(template.name, template.version) for template in registry.all_templates()}
    if len(_ids) < len(templates) and (not _asked_at or time.monotonic() > _asked_at + ASK_AGAIN):
        rows = TemplateVersion.objects.values_list("pk", "name", "version")
        _ids = [pk for pk, name, version in rows if (name, version) in templates]
        _asked_at = time.monotonic()
    return _ids


def forget(**_: object) -> None:
    """Receiver of `post_migrate`: the rows may be others now."""
    global _ids, _asked_at
    _ids, _asked_at = [], 0.0
