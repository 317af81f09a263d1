"""The fourth step of the wizard: who hears of the new job as things stand, and a rule of its own for more."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts import access
from jobs.admin.editor import problems
from jobs.admin.jobs.operations import Caller
from jobs.admin.wizard import steps
from jobs.admin.wizard.additions import JOB, AdditionForm, Call, NotMade, Shown
from jobs.models import Job, JobDraft
from notifications.admin.jobs.rule_form import EVERYONE, OWNER, JobRuleForm
from notifications.admin.jobs.tab import covers_job
from notifications.admin.rules.list_page import row
from notifications.admin.rules.names import Names
from notifications.rulebook import book, changes, words
from notifications.rulebook.changes import Editor, TooManyRules
from notifications.rulebook.reader import MOST_NAME, RuleInput
from notifications.rulebook.shapes import rule_of_input
from notifications.rules.matching import in_order


class WizardRule:
    step = steps.NOTIFICATIONS
    template = "notifications/jobs/wizard_rule.html"

    def form_of(self, draft: JobDraft, data: QueryDict) -> JobRuleForm:
        return JobRuleForm(data, tenant=draft.tenant)

    def facts(self, request: HttpRequest, draft: JobDraft) -> dict[str, Any]:
        """By the rules that there are; the owner may still be another."""
        job = _job_to_be(draft, request)
        rules = [rule for rule in in_order(book.rules_of([draft.tenant_id])[draft.tenant_id]) if covers_job(rule, job)]
        names = Names.of(rules)
        return {"rules": [row(rule, names) for rule in rules if rule.is_enabled]}

    def shown(self, form: AdditionForm) -> list[Shown]:
        data = _wanted(form)
        if data is None:
            return [Shown("Rule of its own", "none", problems.target(form["kinds"]))]
        people = {OWNER: "the owner", EVERYONE: "everyone in the tenant"}
        labels = dict(form["ways"].field.choices)  # type: ignore[attr-defined]
        to = [people.get(way) or str(labels.get(way, way)) for way in form.cleaned_data["ways"]]
        return [
            Shown("Rule of its own", _what(data), problems.target(form["kinds"])),
            Shown("Tells", ", ".join(to), problems.target(form["ways"])),
        ]

    def call(self, draft: JobDraft, form: AdditionForm, *, names_tenant: bool) -> Call | None:
        data = _wanted(form)
        if data is None:
            return None
        tenant = {"tenant": draft.tenant.slug} if names_tenant else {}
        body = {**tenant, "name": _name(draft.name, data), "job": JOB, **data}
        return Call("Then its rule, by the id of the new job", reverse("rule-list"), body)

    def make(self, request: HttpRequest, job: Job, form: AdditionForm) -> None:
        data = _wanted(form)
        if data is None:
            return
        by = Editor(Caller.of(request).actor, access.is_superuser(request.user))
        try:
            changes.create({"name": _name(job.name, data), "job": job.pk, **data}, tenant=job.tenant, by=by)
        except TooManyRules as error:
            raise NotMade(str(error)) from error


def _wanted(form: AdditionForm) -> dict[str, Any] | None:
    """As the rulebook takes it; None when no rule was asked for."""
    if form.errors or not form.cleaned_data["kinds"]:
        return None
    ways = form.cleaned_data["ways"]
    return {
        "kinds": form.cleaned_data["kinds"],
        "in_row": form.cleaned_data.get("in_row") or 1,
        "to_owner": OWNER in ways,
        "to_everyone": EVERYONE in ways,
        "channels": [int(way) for way in ways if way.isdecimal()],
    }


def _what(data: dict[str, Any], *, only_changes: bool = True) -> str:
    rule = RuleInput(kinds=tuple(data["kinds"]), in_row=data["in_row"], only_changes=only_changes)
    return words.what(rule_of_input(rule, 0))


def _name(job: str, data: dict[str, Any]) -> str:
    """So that lists of rules say it: the job, and what is told of it."""
    what = _what(data, only_changes=False)
    return f"{job}: {what[:1].lower()}{what[1:]}"[:MOST_NAME].strip()


def _job_to_be(draft: JobDraft, request: HttpRequest) -> Job:
    name = next(iter(draft.fields.get("owner", ())), "") or request.user.get_username()
    owner = get_user_model()._default_manager.filter(username=name).values_list("pk", flat=True).first()
    tags = [tag.strip() for text in draft.fields.get("tags", ()) for tag in text.split(",") if tag.strip()]
    return Job(pk=0, tenant=draft.tenant, name=draft.name, owner_id=owner, tags=tags)
