"""How the clients of other schedulers speak of jobs and runs: their words, their bodies, and what they read."""

from __future__ import annotations

from jobs.api.families.bodies import ReadJob, read_job, read_run, read_task
from jobs.api.families.shapes import (
    FamilyExecutionDetailSerializer,
    FamilyExecutionSerializer,
    FamilyJobSerializer,
    show_execution,
    show_job,
)
from jobs.api.families.words import ADMIN, TASKS, UI, Family

__all__ = [
    "ADMIN",
    "TASKS",
    "UI",
    "Family",
    "FamilyExecutionDetailSerializer",
    "FamilyExecutionSerializer",
    "FamilyJobSerializer",
    "ReadJob",
    "read_job",
    "read_run",
    "read_task",
    "show_execution",
    "show_job",
]
