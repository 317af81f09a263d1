"""Jobs as a document in the console: the export of selected jobs, and the import page with its plan."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.models import Tenant
from accounts.scopes import Scope
from jobs import transfer
from jobs.admin.jobs.operations import Caller
from jobs.models import Job
from jobs.transfer import InvalidImport, Item, Outcome, PlanChanged

LARGEST = 900_000  # characters; the plan's page carries the document along
MODES = (
    ("update", "Create what is missing, change what differs"),
    ("create_only", "Create what is missing, leave the rest alone"),
    ("mirror", "The same, and archive jobs that the document does not name"),
)
WORDS = {
    "create": "Created",
    "change": "Changed",
    "leave": "Left alone",
    "archive": "Archived",
    "remove": "Removed",
    "refuse": "Refused",
}
MOST_SHOWN = 500


class ImportForm(forms.Form):
    file = forms.FileField(required=False, label="File", help_text="An export of jobs, as JSON.")
    text = forms.CharField(
        required=False,
        label="Document",
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="Instead of a file. Secrets that it does not hold can be written in their place here.",
    )
    tenant = forms.ModelChoiceField(Tenant.objects.none(), empty_label=None, label="Into")
    mode = forms.ChoiceField(choices=MODES, label="How")
    note = forms.CharField(required=False, max_length=500, label="Why", help_text="For the revisions of changed jobs.")

    def __init__(self, *args: Any, tenants: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["tenant"].queryset = tenants  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file = data.get("file")
        try:
            text = file.read(LARGEST + 1).decode("utf-8-sig") if file else data.get("text", "")
            if len(text) > LARGEST:
                raise forms.ValidationError(f"It has more than {LARGEST} characters; import it through the API.")
            data["document"], data["text"] = json.loads(text), text
        except UnicodeDecodeError:
            self.add_error("file", "The file is not UTF-8 text.")
        except (ValueError, RecursionError):
            self.add_error("file" if file else "text", "This is no JSON document. Choose an export of jobs.")
        return data


def tenants_of(request: HttpRequest) -> Any:
    return access.tenants(request.user, Scope.SCHEDULER_WRITE).filter(is_active=True)


def respond(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """First the file, then what would come of it, then the import of just that."""
    is_sent = request.method == "POST"
    form = ImportForm(request.POST or None, request.FILES or None, tenants=tenants_of(request))
    outcome: Outcome | None = None
    if is_sent and form.is_valid():
        outcome = _import(request, form)
        if outcome is not None and outcome.is_applied:
            done = sum(item.action not in ("leave", "refuse") for item in outcome.items)
            messages.success(request, f"Imported the document: {done} of {len(outcome.items)} things were changed.")
            return HttpResponseRedirect(reverse("admin:jobs_job_changelist"))
    if outcome is not None:  # the page carries the text along, whatever it came in
        values = {**form.cleaned_data, "tenant": form.cleaned_data["tenant"].pk}
        form = ImportForm(initial=values, tenants=tenants_of(request))
    return TemplateResponse(
        request,
        "jobs/jobs/import.html",
        {
            **context,
            "title": "Import jobs",
            "opts": Job._meta,
            "form": form,
            "plan": outcome,
            "rows": [_row(item) for item in outcome.items[:MOST_SHOWN]] if outcome else [],
            "is_refused": outcome is not None and any(item.is_refused for item in outcome.items),
        },
    )


def _import(request: HttpRequest, form: ImportForm) -> Outcome | None:
    data = form.cleaned_data
    try:
        return transfer.import_jobs(
            data["document"],
            tenant=data["tenant"],
            actor=Caller.of(request).actor,
            mode=data["mode"],
            plan_only="apply" not in request.POST,
            plan_hash=request.POST.get("plan_hash", "")[:64],
            note=data["note"],
            owner_id=request.user.pk,
            may_run_sub_minute=request.user.has_perm("jobs.run_sub_minute"),
        )
    except InvalidImport as error:
        for path, found in error.fields.items():
            form.add_error(None, f"{path}: {' '.join(found)}")
    except PlanChanged as error:
        form.add_error(None, str(error))
    return None


def _row(item: Item) -> dict[str, Any]:
    problems = [": ".join(filter(None, (path, " ".join(texts)))) for path, texts in (item.problems or {}).items()]
    return {"item": item, "word": WORDS[item.action], "problems": problems}


def export(request: HttpRequest, jobs: list[Job]) -> HttpResponse | None:
    """The selected jobs as a file; None when they cannot stand in one document, with the reason as a message."""
    if len({job.tenant_id for job in jobs}) > 1:
        messages.error(request, "A document is of one tenant; select jobs of one.")
        return None
    if len(jobs) > transfer.MOST_JOBS:
        messages.error(request, f"A document has {transfer.MOST_JOBS} jobs at most; select fewer.")
        return None
    name = f"daybook-jobs-{jobs[0].tenant.slug}.json" if jobs else "daybook-jobs.json"
    answer = JsonResponse(transfer.export(jobs), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer
