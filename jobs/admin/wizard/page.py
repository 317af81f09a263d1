"""The pages of the wizard: each step shows the draft, saves what was entered, and leads on."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from accounts import access
from accounts.scopes import Scope
from accounts.sealing import KeysUnavailable
from jobs import drafts
from jobs.admin.editor.form_context import schedule_url
from jobs.admin.editor.parameters import SWITCH, Section
from jobs.admin.editor.problems import summary
from jobs.admin.jobs.operations import in_words
from jobs.admin.wizard import additions, creation, draft_form, gallery, review, steps, trial
from jobs.admin.wizard.additions import Added
from jobs.admin.wizard.draft_form import Judged
from jobs.admin.wizard.draft_page import DraftPage, draft_url, user_id, words_of
from jobs.admin.wizard.resuming import resumable
from jobs.admin.wizard.steps import BY_SLUG, Step
from jobs.drafts import DraftIsTooLarge
from jobs.models import Job, JobDraft
from scheduler_project.lib.input import InvalidInput

GO_TO, NEXT, CHECK = "_to", "_next", "_check"
AS_A_WHOLE = {"name", "_save"}
"""What only a form of the whole job sends, which there is none of; programs use the API."""


class Wizard(DraftPage):
    """One request to it."""

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
            return self._page(draft, step, form, draft_form.section_of(draft), [("", "", words_of(error))])
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
