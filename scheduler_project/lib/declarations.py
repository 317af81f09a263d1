"""What apps say of themselves in their configurations, by dotted path: loaded where it is first asked for.

So an app can add to those below it, which do not know it, and processes that never ask load nothing of it.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.utils.module_loading import import_string


def declared(attribute: str) -> list[Any]:
    """In the order of the apps, what each configuration names by that attribute. Raises `ImportError`."""
    paths = (getattr(config, attribute, "") for config in apps.get_app_configs())
    return [import_string(path) for path in paths if path]
