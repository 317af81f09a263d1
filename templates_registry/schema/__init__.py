"""Judges parameters by their JSON Schema (2020-12), and schemas by the rules that keep them safe. Plain Python."""

from templates_registry.schema import iri
from templates_registry.schema.check import check_schema
from templates_registry.schema.dialect import Schema
from templates_registry.schema.secrets import (
    drop_cleared,
    drop_secrets,
    keep_secrets,
    map_secret_places,
    map_secrets,
    secret_paths,
    without_secrets,
)
from templates_registry.schema.values import validate, with_defaults

__all__ = [
    "Schema",
    "check_schema",
    "drop_cleared",
    "drop_secrets",
    "iri",
    "keep_secrets",
    "map_secret_places",
    "map_secrets",
    "secret_paths",
    "validate",
    "with_defaults",
    "without_secrets",
]
