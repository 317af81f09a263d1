"""The forms of webhooks and event hooks. They convert what was entered; `jobs.webhooks` and `jobs.hooks` judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from accounts.models import Tenant
from jobs.hooks.reader import parameters_of
from jobs.models import EventHook, Job, Webhook
from jobs.models.choices import choices
from jobs.rules.webhooks import RunEvent
from jobs.webhooks.reader import FAILURES

OFFERED = 200  # names of jobs


class _JudgedForm(forms.Form):
    use_required_attribute = False

    def close(self) -> None:
        for field in self.fields.values():
            field.disabled = True

    def take(self, problems: Mapping[str, list[str]]) -> None:
        """Put each complaint of the judge where it belongs."""
        for path, messages in problems.items():
            name = path.partition(".")[0]
            self.add_error(name if name in self.fields else None, messages)


class WebhookForm(_JudgedForm):
    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label=None)
    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"maxlength": 200, "autocomplete": "off"}))
    url = forms.CharField(
        label="Address",
        help_text="http or https, on a public address.",
        required=False,
        widget=forms.TextInput(attrs={"maxlength": 2000, "autocomplete": "off", "inputmode": "url"}),
    )
    job = forms.CharField(
        label="Job", help_text="The short name of a job, for its runs only. Empty: those of all jobs.", required=False,
        widget=forms.TextInput(attrs={"list": "job-names", "autocomplete": "off"}),
    )  # fmt: skip
    events = forms.MultipleChoiceField(
        label="Tells of runs that",
        choices=[(event, f"{word[0].lower()}{word[1:]}") for event, word in choices(RunEvent)],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    enabled = forms.BooleanField(help_text="While it is not, nothing is sent and nothing new is kept.", required=False)

    def __init__(self, data: Any, *, webhook: Webhook | None, tenants: QuerySet[Tenant]) -> None:
        super().__init__(data, initial=_initial_of(webhook), label_suffix="")
        self.tenants = tenants if webhook is None else Tenant.objects.filter(pk=webhook.tenant_id)
        if webhook is not None:
            del self.fields["tenant"]
        else:
            field = self.fields["tenant"]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = tenants

    def clean(self) -> dict[str, Any]:
        """The job by its short name, as dependencies name theirs, or by its number."""
        cleaned: dict[str, Any] = super().clean() or {}
        if name := str(cleaned.get("job") or "").strip():
            tenant = cleaned.get("tenant") or self.tenants.first()
            is_number = name.isascii() and name.isdigit() and len(name) < 19
            fits = Q(slug=name) | Q(pk=int(name)) if is_number else Q(slug=name)
            found = Job.objects.filter(fits, tenant=tenant).order_by("pk")
            job = next((job for job in found if job.slug == name), found.first())
            if job is None:
                self.add_error("job", f"{tenant} has no job with the short name {name}.")
            cleaned["job"] = job
        return cleaned

    def job_names(self) -> list[tuple[str, str]]:
        jobs = Job.objects.filter(tenant__in=self.tenants, archived_at=None).order_by("name")
        return list(jobs.values_list("slug", "name")[:OFFERED])

    def to_data(self) -> dict[str, Any]:
        job = self.cleaned_data.get("job") or None
        data = {name: self.cleaned_data.get(name) for name in ("name", "url", "events", "enabled")}
        return {**data, "job": job.pk if job else None}


class EventHookForm(_JudgedForm):
    name = forms.CharField(required=False, widget=forms.TextInput(attrs={"maxlength": 200, "autocomplete": "off"}))
    mapping = forms.CharField(
        label="Parameters from the body",
        help_text="One per line: a parameter and a JSON pointer, such as text /head_commit/message.",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )
    body_parameter = forms.ChoiceField(
        label="Whole body into", help_text="The parameter that takes all of it.", required=False
    )
    accepts_github = forms.BooleanField(
        label="Accepts signatures of GitHub",
        help_text="In the header X-Hub-Signature-256. They hold no time, so the same body starts one run in 30 days.",
        required=False,
    )
    calls_per_minute = forms.IntegerField(label="Calls a minute", help_text="More are refused.", required=False)
    enabled = forms.BooleanField(required=False)

    def __init__(self, data: Any, *, hook: EventHook | None, job: Job) -> None:
        super().__init__(data, initial=_initial_of_hook(hook), label_suffix="")
        field = self.fields["body_parameter"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "none"), *((name, name) for name in parameters_of(job))]

    def to_data(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        lines = [line.split(maxsplit=1) for line in cleaned.get("mapping", "").splitlines() if line.strip()]
        mapping = {parts[0]: parts[1].strip() if len(parts) > 1 else "" for parts in lines}
        names = ("name", "body_parameter", "accepts_github", "enabled")
        data = {name: cleaned.get(name) for name in names}
        return {**data, "mapping": mapping, "calls_per_minute": cleaned.get("calls_per_minute")}


def _initial_of(webhook: Webhook | None) -> dict[str, Any]:
    if webhook is None:
        return {"events": FAILURES, "enabled": True}
    values = {"name": webhook.name, "url": webhook.url, "job": webhook.job.slug if webhook.job else ""}
    return {**values, "events": webhook.events, "enabled": webhook.is_enabled}


def _initial_of_hook(hook: EventHook | None) -> dict[str, Any]:
    if hook is None:
        return {"calls_per_minute": 60, "enabled": True}
    return {
        "name": hook.name,
        "mapping": "\n".join(f"{name} {pointer}" for name, pointer in hook.mapping.items()),
        "body_parameter": hook.body_parameter,
        "accepts_github": hook.accepts_github,
        "calls_per_minute": hook.calls_per_minute,
        "enabled": hook.is_enabled,
    }
