"""What apps above the engine ask for in the wizard: fields of their own in a step, and what becomes of them once the
job is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from django.http import HttpRequest, QueryDict

from jobs.admin.wizard.steps import Step
from jobs.models import Job, JobDraft


class NotMade(Exception):
    """What was asked for beside the job cannot be made, so the job is not made either."""


@dataclass(frozen=True)
class Shown:
    """A line of the review; `target` is the control that changes it."""

    label: str
    value: str
    target: str


@dataclass(frozen=True)
class Call:
    """How a program does the same after it has created the job: `body` names the job's id by `JOB`."""

    title: str
    url: str
    body: Mapping[str, Any]


JOB = "<the id of the job>"


class AdditionForm(forms.Form):
    def silence(self) -> None:
        """Show what was entered without judging it."""
        self._errors = forms.utils.ErrorDict()


class Addition(Protocol):
    """The names of its controls are its own; `template` shows them, with `added`."""

    step: Step
    template: str

    def form_of(self, draft: JobDraft, data: QueryDict) -> AdditionForm:
        """Bound to what was entered, which is nothing at first."""

    def facts(self, request: HttpRequest, draft: JobDraft) -> dict[str, Any]:
        """What its template shows beside the form."""

    def shown(self, form: AdditionForm) -> list[Shown]:
        """For the review."""

    def call(self, draft: JobDraft, form: AdditionForm, *, names_tenant: bool) -> Call | None:
        """Of a form without a mistake; None when there is nothing to make."""

    def make(self, request: HttpRequest, job: Job, form: AdditionForm) -> None:
        """In the transaction that creates the job, of a form without a mistake. Raises `NotMade`, `InvalidInput`."""


@dataclass(frozen=True)
class Added:
    addition: Addition
    form: AdditionForm

    @property
    def controls(self) -> dict[str, forms.Field]:
        return {self.form.add_prefix(name): field for name, field in self.form.fields.items()}


_registered: list[Addition] = []


def also_ask(addition: Addition) -> None:
    if addition not in _registered:
        _registered.append(addition)


def controls_at(step: Step, draft: JobDraft) -> dict[str, forms.Field]:
    """By the names under which a browser sends them."""
    found: dict[str, forms.Field] = {}
    for addition in _registered:
        if addition.step is step:
            found |= Added(addition, _form_of(addition, draft)).controls
    return found


def all_of(draft: JobDraft) -> list[Added]:
    found = [Added(addition, _form_of(addition, draft)) for addition in _registered]
    for one in found:
        one.form.is_valid()
    return found


def labels(draft: JobDraft) -> dict[str, str]:
    """By the names of their controls."""
    found = [Added(addition, _form_of(addition, draft)) for addition in _registered]
    return {one.form.add_prefix(name): str(one.form[name].label) for one in found for name in one.form.fields}


def _form_of(addition: Addition, draft: JobDraft) -> AdditionForm:
    data = QueryDict(mutable=True)
    for name, values in draft.fields.items():
        data.setlist(name, values)
    return addition.form_of(draft, data)
