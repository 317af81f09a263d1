"""The five steps: their names, and which of them asks for which field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django import forms

from jobs.models import JobDraft


@dataclass(frozen=True)
class Step:
    number: int
    slug: str
    title: str


TEMPLATE = Step(1, "template", "Template")
PARAMETERS = Step(2, "parameters", "Parameters")
SCHEDULE = Step(3, "schedule", "Schedule")
NOTIFICATIONS = Step(4, "notifications", "Notifications")
REVIEW = Step(5, "review", "Review")
STEPS = (TEMPLATE, PARAMETERS, SCHEDULE, NOTIFICATIONS, REVIEW)
BY_SLUG = {step.slug: step for step in STEPS}

ASKED_FIRST = frozenset({"tenant", "template"})
ABOUT = frozenset({"name", "description", "tags", "slug"})
PEOPLE = frozenset({"owner"})


def step_of(field: str) -> Step:
    """Where a field of the form is asked for; what no other step asks for belongs to the schedule."""
    if field in ASKED_FIRST:
        return TEMPLATE
    if field in ABOUT:
        return PARAMETERS
    return NOTIFICATIONS if field in PEOPLE else SCHEDULE


def fields_of(step: Step, names: Iterable[str]) -> list[str]:
    return [name for name in names if step_of(name) is step]


def controls_of(name: str, field: forms.Field) -> list[str]:
    """The names under which a browser sends the field."""
    if isinstance(field.widget, forms.MultiWidget):
        endings: list[str] = getattr(field.widget, "widgets_names")  # noqa: B009  which the stubs do not know
        return [f"{name}{ending}" for ending in endings]
    return [name]


@dataclass(frozen=True)
class Mark:
    """One entry of the progress list."""

    step: Step
    is_here: bool
    is_open: bool  # was reached before
    is_done: bool


def marks(here: Step, draft: JobDraft | None) -> list[Mark]:
    reached = draft.step if draft else 1
    return [
        Mark(step, step is here, step.number <= reached, step.number < reached and step is not here) for step in STEPS
    ]
