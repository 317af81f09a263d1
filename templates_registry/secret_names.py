"""The names of all parameters that any template calls secret."""

from __future__ import annotations

from functools import lru_cache

from templates_registry import schema
from templates_registry.registry import registry


def secret_names() -> frozenset[str]:
    return _of(len(registry.all_templates()))


@lru_cache(maxsize=1)
def _of(templates: int) -> frozenset[str]:
    """Read again when templates were added."""
    paths = (path for template in registry.all_templates() for path in schema.secret_paths(template.schema()))
    return frozenset(path.replace("[*]", "").replace(".*", "").rpartition(".")[2] for path in paths)
