"""A draft in the hands of a request to the wizard: found, saved, tried out, discarded. Answers with parts of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.sealing import KeysUnavailable
from jobs import drafts
from jobs.admin.editor.form_context import FormContext
from jobs.admin.editor.parameters import Section
from jobs.admin.jobs.operations import in_words
from jobs.admin.wizard import additions, creation, draft_form, entry, steps, trial
from jobs.admin.wizard.steps import BY_SLUG, Step
from jobs.drafts import DraftIsGone, DraftIsTooLarge, Saved
from jobs.models import JobDraft
from scheduler_project.lib import sql
from scheduler_project.lib.input import InvalidInput


def draft_url(draft: JobDraft, step: Step, target: str = "") -> str:
    address = reverse("admin:jobs_job_draft_step", args=[draft.token, step.slug])
    return f"{address}?check=1#{target}" if target else address


class DraftPage:
    """The part of `Wizard` that leads from no step to another."""

    def __init__(self, request: HttpRequest, site_context: dict[str, Any]) -> None:
        self.request = request
        self.site_context = site_context
        self.now = sql.now()
        self.form_context = FormContext(request, None)

    def discard(self, token: UUID) -> HttpResponse:
        if self.request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        draft = drafts.of(user_id(self.request)).filter(token=token).first()
        if draft is not None:
            drafts.discard(draft)
            messages.success(self.request, "Discarded the draft.")
        return HttpResponseRedirect(reverse("admin:jobs_job_changelist"))

    def save(self, token: UUID) -> HttpResponse:
        """What the page sends by itself while somebody writes; answers with the state of the draft."""
        if self.request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        step = BY_SLUG.get(self.request.GET.get("step", ""), steps.PARAMETERS)
        context: dict[str, Any]
        try:
            draft = self._find(token)
            saved, section = self._save(draft, step, reaches=1)
            unread = _unread(section)
            context = {"draft": saved.draft, "notices": self._notices(saved), "unread": unread, "is_fresh": True}
        except (DraftIsGone, DraftIsTooLarge, KeysUnavailable) as error:
            context = {"problem": words_of(error)}
        return TemplateResponse(self.request, "jobs/wizard/state.html", context)

    def switch_fields(self, token: UUID) -> HttpResponse:
        """The parameters as a form or as JSON. Posted, so that they stay out of addresses and logs."""
        if self.request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        section = draft_form.switched_section(self._find(token), self.request.POST)
        return TemplateResponse(self.request, "jobs/editor/parameters.html", {"section": section})

    def try_out(self, token: UUID) -> HttpResponse:
        """Start the dry run, or show how it goes."""
        draft = self._find(token)
        problem = ""
        if self.request.method == "POST":
            if not trial.is_possible(self.request, draft):
                raise PermissionDenied("Your role does not allow you to run templates without a job.")
            judged = draft_form.judge(draft, self.request, now=self.now)
            try:
                trial.start(self.request, draft, judged)
                draft.refresh_from_db()
            except InvalidInput as error:
                problem = " ".join(text for texts in error.fields.values() for text in texts)
            except creation.REFUSALS as error:
                problem = in_words(error)
            if not self.request.headers.get("HX-Request"):
                if problem:
                    messages.error(self.request, f"No dry run: {problem}")
                return HttpResponseRedirect(f"{draft_url(draft, steps.REVIEW)}#dry-run")
        context = {**trial.context_of(self.request, draft), "trial_problem": problem}
        return TemplateResponse(self.request, "jobs/wizard/dry_run.html", context)

    # --- small things ---

    def _find(self, token: UUID) -> JobDraft:
        """Only one's own, and only where one may still create jobs. Raises `DraftIsGone`."""
        mine = drafts.of(user_id(self.request)).filter(tenant__in=self.form_context.tenants)
        draft = mine.select_related("template", "tenant").filter(token=token).first()
        if draft is None:
            raise DraftIsGone("There is no such draft of yours: its job was created, it was discarded, or it expired.")
        return draft

    def _save(self, draft: JobDraft, step: Step, *, reaches: int) -> tuple[Saved, Section | None]:
        form = draft_form.form_of(draft, self.request)
        section = draft_form.section_of(draft, self.request.POST) if step is steps.PARAMETERS else None
        given = entry.read(self.request.POST, draft=draft, step=step, form=form, section=section, reaches=reaches)
        return drafts.save(draft.pk, given), section

    def _notices(self, saved: Saved) -> list[str]:
        if not (saved.replaced or saved.kept):
            return []
        form = draft_form.form_of(saved.draft, self.request)
        labels = additions.labels(saved.draft)
        found = []
        if saved.replaced:
            found.append(
                f"Another tab had changed {_labels(form, labels, saved.replaced)}; what you entered here was kept."
            )
        if saved.kept:
            found.append(f"Another tab has changed {_labels(form, labels, saved.kept)}; its entry was kept.")
        return found


def user_id(request: HttpRequest) -> int:
    """Of the person who is signed in, as everybody here is."""
    assert request.user.pk is not None
    return request.user.pk


def _labels(form: Any, others: Mapping[str, str], names: tuple[str, ...]) -> str:
    words = []
    for name in names:
        field = name.removesuffix("_unit")
        label = str(form[field].label) if field in form.fields else others.get(name, "")
        words.append(label or name.removeprefix("parameters."))
    return ", ".join(dict.fromkeys(words))


def _unread(section: Section | None) -> list[str]:
    """Labels of what no value can be made of yet."""
    form = section.form if section is not None else None
    if form is None or not form.is_bound:
        return []
    return [str(form.fields[entry.name].label) for entry in form.plan.entries if form.is_unread(entry.name)]


def words_of(error: Exception) -> str:
    if isinstance(error, InvalidInput):
        return " ".join(text for texts in error.fields.values() for text in texts)
    return str(error)
