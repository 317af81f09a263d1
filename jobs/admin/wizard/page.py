"""The pages of the wizard: each step shows the draft, saves what was entered, and leads on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from accounts.sealing import KeysUnavailable
from jobs import drafts
from jobs.admin.editor.form_context import FormContext, schedule_url
from jobs.admin.editor.parameters import SWITCH, Section
from jobs.admin.editor.problems import summary
from jobs.admin.jobs.operations import in_words
from jobs.admin.wizard import additions, creation, draft_form, entry, gallery, review, steps, trial
from jobs.admin.wizard.additions import Added
from jobs.admin.wizard.draft_form import Judged
from jobs.admin.wizard.resuming import resumable
from jobs.admin.wizard.steps import BY_SLUG, Step
from jobs.drafts import DraftIsGone, DraftIsTooLarge, Saved
from jobs.models import Job, JobDraft
from scheduler_project.lib import sql
from scheduler_project.lib.input import InvalidInput

GO_TO, NEXT, CHECK = "_to", "_next", "_check"
AS_A_WHOLE = {"name", "_save"}
"""What only a form of the whole job sends, which there is none of; programs use the API."""


def draft_url(draft: JobDraft, step: Step, target: str = "") -> str:
    address = reverse("admin:jobs_job_draft_step", args=[draft.token, step.slug])
    return f"{address}?check=1#{target}" if target else address


class Wizard:
    """One request to it."""

    def __init__(self, request: HttpRequest, site_context: dict[str, Any]) -> None:
        self.request = request
        self.site_context = site_context
        self.now = sql.now()
        self.form_context = FormContext(request, None)

    # --- step 1 ---

    def begin(self) -> HttpResponse:
        """Without a draft yet: looking at the templates writes nothing."""
        if self.request.method != "POST":
            return self._gallery(None)
        if AS_A_WHOLE & self.request.POST.keys():
            return self._gallery(
                None, "Nothing was created: a job is not sent as a whole. Choose its template first.", 400
            )
        return self._template_chosen(None)

    def _gallery(self, draft: JobDraft | None, problem: str = "", status: int = 200) -> HttpResponse:
        query = self.request.GET.get("q", "")[:100]
        category = self.request.GET.get("category", "")[:100]
        asked = self.form_context.find_template(self.request.GET.get("template"))
        context = {
            **self._context(steps.TEMPLATE, draft),
            "shelves": gallery.shelves(self.request, self.form_context.templates, query=query, category=category),
            "categories": gallery.categories(self.form_context.templates),
            "category": category,
            "query": query,
            "chosen": draft.template if draft else asked,
            "is_asked": asked is not None and draft is None,
            "tenants": list(self.form_context.tenants.order_by("name")),
            "tenant_id": draft.tenant_id if draft else None,
            "problem": problem,
            "drafts": [] if draft else resumable(self.request),
        }
        return TemplateResponse(self.request, "jobs/wizard/template.html", context, status=status)

    def _template_chosen(self, draft: JobDraft | None) -> HttpResponse:
        template = self.form_context.find_template(self.request.POST.get("template"))
        tenant = gallery.tenant_of(self.request, self.form_context.tenants)
        if template is None or tenant is None:
            return self._gallery(draft, "Choose a template." if template is None else "Choose a tenant of yours.")
        if draft is None:
            draft = drafts.start(user_id=user_id(self.request), tenant=tenant, template=template)
        elif dropped := drafts.choose(draft.pk, tenant=tenant, template=template):
            words = "value no longer applies" if len(dropped) == 1 else "values no longer apply"
            messages.warning(self.request, f"{len(dropped)} {words}: {', '.join(dropped)}.")
        return HttpResponseRedirect(draft_url(draft, steps.PARAMETERS))

    # --- a draft ---

    def resume(self, token: UUID) -> HttpResponse:
        """Where it was left."""
        draft = self._find(token)
        return HttpResponseRedirect(draft_url(draft, steps.STEPS[draft.step - 1]))

    def step(self, token: UUID, slug: str) -> HttpResponse:
        step = BY_SLUG.get(slug)
        if step is None:
            raise Http404(f"There is no step {slug}.")
        draft = self._find(token)
        if step.number > draft.step:
            return HttpResponseRedirect(draft_url(draft, steps.STEPS[draft.step - 1]))
        return self._posted(draft, step) if self.request.method == "POST" else self._shown(draft, step)

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
            context = {"problem": _words(error)}
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

    # --- steps 2 to 5 ---

    def _shown(self, draft: JobDraft, step: Step) -> HttpResponse:
        if step is steps.TEMPLATE:
            return self._gallery(draft)
        if step is steps.REVIEW:
            return self._review(draft)
        if "check" in self.request.GET:
            judged = draft_form.judge(draft, self.request, now=self.now)
            listed = [(one.target, one.label, one.message) for one in judged.at(step)]
            return self._page(draft, step, judged.form, draft_form.section_of(draft), listed, judged.added)
        form = draft_form.form_of(draft, self.request)
        form.is_valid()
        return self._page(draft, step, form, draft_form.section_of(draft), [])

    def _posted(self, draft: JobDraft, step: Step) -> HttpResponse:
        if step is steps.TEMPLATE:
            return self._template_chosen(draft)
        if step is steps.REVIEW:
            return self._create(draft)
        target = BY_SLUG.get(self.request.POST.get(GO_TO, ""))
        goes_on = target is None or target.number > step.number
        try:
            saved, section = self._save(draft, step, reaches=step.number)
        except (DraftIsTooLarge, KeysUnavailable) as error:
            form = draft_form.form_of(draft, self.request)
            return self._page(draft, step, form, draft_form.section_of(draft), [("", "", _words(error))])
        draft = saved.draft
        for notice in self._notices(saved):
            messages.warning(self.request, notice)
        if SWITCH in self.request.POST:
            section = draft_form.switched_section(draft, self.request.POST)
            return self._page(draft, step, draft_form.form_of(draft, self.request), section, [])
        if CHECK in self.request.POST:
            return HttpResponseRedirect(draft_url(draft, step))
        if goes_on:
            judged = draft_form.judge(draft, self.request, now=self.now)
            listed = self._problems(step, judged, section)
            if listed:
                shown = section if section is not None else draft_form.section_of(draft)
                return self._page(draft, step, judged.form, shown, listed, judged.added)
        following = target or (steps.REVIEW if draft.step == steps.REVIEW.number else steps.STEPS[step.number])
        if following.number > draft.step:
            drafts.reach(draft.pk, following.number)
        return HttpResponseRedirect(draft_url(draft, following))

    def _problems(self, step: Step, judged: Judged, section: Section | None) -> list[tuple[str, str, str]]:
        if section is None or section.form is None:
            return [(one.target, one.label, one.message) for one in judged.at(step)]
        if not section.form.errors:
            section.form.apply_errors(judged.of_parameters)
        return summary(judged.form, section, only=steps.fields_of(step, judged.form.fields))

    def _save(self, draft: JobDraft, step: Step, *, reaches: int) -> tuple[Saved, Section | None]:
        form = draft_form.form_of(draft, self.request)
        section = draft_form.section_of(draft, self.request.POST) if step is steps.PARAMETERS else None
        given = entry.read(self.request.POST, draft=draft, step=step, form=form, section=section, reaches=reaches)
        return drafts.save(draft.pk, given), section

    def _page(
        self,
        draft: JobDraft,
        step: Step,
        form: Any,
        section: Section,
        errors: list[tuple[str, str, str]],
        added: list[Added] | None = None,
    ) -> HttpResponse:
        added = additions.all_of(draft) if added is None else added
        here = [one for one in added if one.addition.step is step]
        context = {
            **self._context(step, draft),
            "form": form,
            "section": section,
            "errors": errors,
            "preview": self.form_context.preview(form) if step is steps.SCHEDULE else None,
            "schedule_url": schedule_url(None),
            "state": form.cron_state() if hasattr(form, "cron_state") else None,
            "goes_to_review": draft.step == steps.REVIEW.number,
            "additions": [(one, one.addition.facts(self.request, draft)) for one in here],
        }
        if not errors:
            form.silence()
            for one in here:
                one.form.silence()
        return TemplateResponse(self.request, f"jobs/wizard/{step.slug}.html", context)

    # --- the end ---

    def _review(self, draft: JobDraft, refused: str = "") -> HttpResponse:
        judged = draft_form.judge(draft, self.request, now=self.now)
        names_tenant = self.form_context.tenants.count() > 1
        content = review.body(draft, judged, names_tenant=names_tenant)
        context = {
            **self._context(steps.REVIEW, draft),
            "form": judged.form,
            "problems": [(draft_url(draft, one.step, one.target or "content"), one) for one in judged.problems],
            "refused": refused,
            "about": review.about(judged),
            "parameters": review.of_parameters(draft),
            "how": review.how(judged),
            "owner": judged.form.cleaned_data.get("owner") or "Nobody",
            "additions": review.added(judged),
            "calls": review.calls(self.request, draft, judged, names_tenant=names_tenant),
            "preview": self.form_context.preview(judged.form),
            "warnings": review.warnings(draft, judged),
            "body": content,
            "curl": review.curl(self.request, content),
            "may_run": access.may(self.request.user, Scope.SCHEDULER_RUN, draft.tenant_id),
            **trial.context_of(self.request, draft),
        }
        return TemplateResponse(self.request, "jobs/wizard/review.html", context)

    def _create(self, draft: JobDraft) -> HttpResponse:
        try:
            return creation.create(self.request, draft, now=self.now)
        except InvalidInput:
            return self._review(draft)  # which says what is wrong
        except creation.REFUSALS as error:
            return self._review(draft, in_words(error))

    # --- small things ---

    def _find(self, token: UUID) -> JobDraft:
        """Only one's own, and only where one may still create jobs. Raises `DraftIsGone`."""
        mine = drafts.of(user_id(self.request)).filter(tenant__in=self.form_context.tenants)
        draft = mine.select_related("template", "tenant").filter(token=token).first()
        if draft is None:
            raise DraftIsGone("There is no such draft of yours: its job was created, it was discarded, or it expired.")
        return draft

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

    def _context(self, step: Step, draft: JobDraft | None) -> dict[str, Any]:
        return {
            **self.site_context,
            "title": "New job",
            "subtitle": f"{step.number} {step.title}",
            "opts": Job._meta,
            "draft": draft,
            "step": step,
            "marks": steps.marks(step, draft),
            "names_tenant": self.form_context.tenants.count() > 1,
        }


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


def _words(error: Exception) -> str:
    if isinstance(error, InvalidInput):
        return " ".join(text for texts in error.fields.values() for text in texts)
    return str(error)
