"""Django choices and check constraints out of the plain enumerations of `jobs.rules`."""

from __future__ import annotations

from enum import StrEnum

from django.db import models


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ").capitalize()) for member in enum]


def is_known(field: str, enum: type[StrEnum], name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": [member.value for member in enum]}), name=name)
