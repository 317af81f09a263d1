"""The page of a job's dependencies: what it follows, what follows it, and the form that adds another upstream."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts import access
from accounts.scopes import Scope
from jobs import dependencies, registry
from jobs.admin.editor.duration_field import DurationField
from jobs.admin.jobs.operations import REFUSALS, Caller, in_words
from jobs.dependencies import DependencyIsGone, InvalidDependency
from jobs.models import Dependency, Job, Succession
from jobs.rules.states import DependencyKind, EndCondition, FanIn

KINDS = [
    (DependencyKind.TRIGGER.value, "Its end starts this job"),
    (DependencyKind.GATE.value, "Runs of this job wait for its run of the same time"),
]
CONDITIONS = [
    (EndCondition.SUCCESS.value, "When it succeeded"),
    (EndCondition.FAILURE.value, "When it failed"),
    (EndCondition.ALWAYS.value, "However it ended"),
]
FAN_INS = [(FanIn.ALL.value, "When all of them have ended so"), (FanIn.ANY.value, "By the first that has")]
OFFERED = 200
NEWEST = 10
PLACES = {"gate_patience_seconds": "patience"}


class UpstreamForm(forms.Form):
    upstream = forms.CharField(
        label="Job", help_text="The short name of a job of the same tenant.", max_length=100, strip=True
    )
    kind = forms.ChoiceField(label="What it does", choices=KINDS)
    condition = forms.ChoiceField(label="Which end counts", choices=CONDITIONS)
    parameters = forms.CharField(
        label="Values from its result",
        help_text="One on each line: a parameter of this job, and where its value lies in the result, such as "
        "rows = /count.",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
    )
    patience = DurationField(
        label="Waits at most",
        help_text="Only where runs wait for each other. Then the run that waits is cancelled. Empty: an hour.",
    )

    def __init__(self, job: Job, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""
        self.job = job
        self.fields["upstream"].widget.attrs |= {"list": "upstream-names", "autocomplete": "off"}

    def clean_upstream(self) -> Job:
        slug = self.cleaned_data["upstream"]
        found = candidates(self.job).filter(slug=slug).first()
        if found is None:
            raise forms.ValidationError(f"{self.job.tenant} has no other job with the short name {slug}.")
        return found

    def clean_parameters(self) -> dict[str, str]:
        taken = {}
        for line in self.cleaned_data["parameters"].splitlines():
            name, equals, place = line.partition("=")
            if line.strip() and not equals:
                raise forms.ValidationError("Write each as a parameter, an equals sign and a place: rows = /count.")
            if line.strip():
                taken[name.strip()] = place.strip()
        return taken

    def wishes(self) -> dict[str, Any]:
        """As `jobs.dependencies.add` takes them."""
        cleaned = self.cleaned_data
        wishes = {name: cleaned[name] for name in ("kind", "condition", "parameters")}
        if cleaned["kind"] == DependencyKind.GATE and cleaned["patience"] is not None:
            wishes["gate_patience_seconds"] = cleaned["patience"]
        return wishes

    def refuse(self, problems: dict[str, list[str]]) -> None:
        for name, texts in problems.items():
            place = PLACES.get(name, name)
            for text in texts:
                self.add_error(place if place in self.fields else None, text)


class FanInForm(forms.Form):
    fan_in = forms.ChoiceField(label="With several upstreams it starts", choices=FAN_INS)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.label_suffix = ""


def candidates(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(tenant=job.tenant_id, archived_at=None).exclude(pk=job.pk).order_by("name")


def respond(request: HttpRequest, site_context: dict[str, Any], job: Job) -> HttpResponse:
    may_edit = job.archived_at is None and access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id)
    form = UpstreamForm(job, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if not may_edit:
            raise PermissionDenied("Your role does not allow you to change this job.")
        if form.is_valid() and _add(request, job, form):
            return HttpResponseRedirect(_url(job))
    upstream, downstream = dependencies.edges_of(job.pk)
    context = {
        **site_context,
        "title": "Dependencies",
        "opts": Job._meta,
        "job": job,
        "form": form,
        "fan_in_form": FanInForm(initial={"fan_in": job.policies.fan_in.value}),
        "upstream": upstream,
        "downstream": downstream,
        "names": list(candidates(job).values_list("slug", "name")[:OFFERED]) if may_edit else [],
        "successions": newest_successions(job),
        "may_edit": may_edit,
    }
    return TemplateResponse(request, "jobs/jobs/dependencies_page.html", context)


def newest_successions(job: Job) -> QuerySet[Succession]:
    """What the last ends of its upstreams came to."""
    found = Succession.objects.filter(dependency__downstream=job).select_related("dependency__upstream")
    return found.order_by("-pk")[:NEWEST]


def remove(request: HttpRequest, job: Job, dependency_id: int) -> HttpResponse:
    edge = Dependency.objects.filter(pk=dependency_id, downstream=job).select_related("upstream").first()
    if edge is None:
        raise Http404(f"{job.name} has no dependency {dependency_id}.")

    def apply() -> str:
        dependencies.remove(edge.pk, actor=Caller.of(request).actor)
        return f"{job.name} no longer follows {edge.upstream.name}."

    return _do(request, job, apply)


def set_fan_in(request: HttpRequest, job: Job) -> HttpResponse:
    form = FanInForm(request.POST)

    def apply() -> str:
        if not form.is_valid():
            raise InvalidDependency({"fan_in": ["Choose one of those that are offered."]})
        registry.change(job.pk, {"policies": form.cleaned_data}, actor=Caller.of(request).actor)
        return "Saved."

    return _do(request, job, apply)


def _add(request: HttpRequest, job: Job, form: UpstreamForm) -> bool:
    upstream = form.cleaned_data["upstream"]
    try:
        dependencies.add(upstream.pk, job.pk, form.wishes(), actor=Caller.of(request).actor)
    except InvalidDependency as error:
        form.refuse(error.fields)
        return False
    except REFUSALS as error:
        form.add_error(None, in_words(error))
        return False
    messages.success(request, f"{job.name} follows {upstream.name} now.")
    return True


def _do(request: HttpRequest, job: Job, apply: Any) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not access.may(request.user, Scope.SCHEDULER_WRITE, job.tenant_id):
        raise PermissionDenied("Your role does not allow you to change this job.")
    try:
        messages.success(request, apply())
    except (DependencyIsGone, InvalidDependency) as error:
        messages.error(request, str(error))
    except REFUSALS as error:
        messages.error(request, in_words(error))
    return HttpResponseRedirect(_url(job))


def _url(job: Job) -> str:
    return reverse("admin:jobs_job_dependencies", args=[job.pk])
