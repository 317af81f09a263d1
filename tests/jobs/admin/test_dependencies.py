"""The dependencies of a job in the admin, and before and after on the page of an execution."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Tenant
from jobs import dependencies, ledger, registry
from jobs.models import Dependency, Execution, Job, Succession
from scheduler_project.lib import sql, transactions
from tests.jobs.admin.conftest import Browser, job_url
from tests.jobs.api.conftest import JOB, MakeJob, untouched
from tests.jobs.dependencies.conftest import end, run
from tests.jobs.world import MINUTELY

pytestmark = pytest.mark.django_db

FORM = {"kind": "trigger", "condition": "success", "parameters": "", "patience": "", "patience_unit": "min"}


def page_of(job: Job) -> str:
    return reverse("admin:jobs_job_dependencies", args=[job.pk])


@pytest.fixture
def upstream(job_of: MakeJob) -> Job:
    return job_of(name="Extract", policies={"overlap": "allow"})


@pytest.fixture
def downstream(job_of: MakeJob) -> Job:
    return job_of(name="Report", policies={"overlap": "allow"})


class TestForm:
    def test_adds_an_upstream(self, upstream: Job, downstream: Job, as_ana: Browser) -> None:
        wishes = {**FORM, "upstream": "extract", "condition": "always", "parameters": "text = /a/b\n\n token=/c"}
        answer = as_ana.post(page_of(downstream), wishes)
        assert as_ana.told(answer) == ["Report follows Extract now."]
        edge = Dependency.objects.get()
        assert (edge.upstream, edge.downstream, edge.kind, edge.condition, edge.parameters) == (
            *(upstream, downstream, "trigger", "always"),
            {"text": "/a/b", "token": "/c"},
        )
        assert edge.created_by == "user:ana"

    def test_adds_a_gate(self, upstream: Job, downstream: Job, as_ana: Browser) -> None:
        as_ana.post(page_of(downstream), {**FORM, "upstream": "extract", "kind": "gate", "patience": "2"})
        assert Dependency.objects.get().gate_patience_seconds == 120

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"upstream": "nothing"}, "no other job with the short name nothing"),
            ({"upstream": "report"}, "no other job with the short name report"),
            ({"upstream": "foreign"}, "no other job with the short name foreign"),
            ({"parameters": "text"}, "an equals sign"),
            ({"parameters": "unknown = /x"}, "has no parameter"),
            ({"kind": "other"}, "Select a valid choice"),
        ],
    )
    def test_says_what_is_wrong(
        self, upstream: Job, downstream: Job, as_ana: Browser, changes: dict[str, str], message: str
    ) -> None:
        other = Tenant.objects.create(slug="elsewhere", name="Elsewhere")
        registry.create({**JOB, "name": "Foreign", "slug": "foreign"}, tenant=other, actor="user:test")
        with untouched():
            answer = as_ana.post(page_of(downstream), {**FORM, "upstream": "extract", **changes})
        assert answer.status_code == 200
        assert message in answer.content.decode()

    def test_names_the_loop(self, upstream: Job, downstream: Job, as_ana: Browser) -> None:
        dependencies.add(downstream.pk, upstream.pk, {}, actor="user:test")
        answer = as_ana.post(page_of(downstream), {**FORM, "upstream": "extract"})
        assert "That would close a loop" in answer.content.decode()

    def test_is_not_for_those_who_only_read(self, upstream: Job, downstream: Job, as_vera: Browser) -> None:
        assert "Add an upstream" not in as_vera.text(page_of(downstream))
        with untouched():
            answer = as_vera.post(page_of(downstream), {**FORM, "upstream": "extract"})
        assert answer.status_code == 403


class TestRemove:
    def test_removes_it(self, upstream: Job, downstream: Job, as_ana: Browser) -> None:
        edge = dependencies.add(upstream.pk, downstream.pk, {}, actor="user:test")
        url = reverse("admin:jobs_job_dependency_remove", args=[downstream.pk, edge.pk])
        assert as_ana.get(url).status_code == 405
        assert as_ana.told(as_ana.post(url)) == ["Report no longer follows Extract."]
        assert "user:ana removed" in as_ana.told(as_ana.post(url))[0]

    def test_is_not_for_those_who_only_read(self, upstream: Job, downstream: Job, as_vera: Browser) -> None:
        edge = dependencies.add(upstream.pk, downstream.pk, {}, actor="user:test")
        with untouched():
            assert (
                as_vera.post(reverse("admin:jobs_job_dependency_remove", args=[downstream.pk, edge.pk])).status_code
                == 403
            )


class TestFanIn:
    def test_is_a_policy_of_the_job(self, downstream: Job, as_ana: Browser) -> None:
        url = reverse("admin:jobs_job_fan_in", args=[downstream.pk])
        assert as_ana.told(as_ana.post(url, {"fan_in": "any"})) == ["Saved."]
        assert Job.objects.get(pk=downstream.pk).policies.fan_in == "any"
        assert "Choose one" in as_ana.told(as_ana.post(url, {"fan_in": "some"}))[0]


class TestPages:
    def test_tell_what_came_before_and_after(self, upstream: Job, downstream: Job, as_vera: Browser) -> None:
        dependencies.add(upstream.pk, downstream.pk, {"parameters": {"text": "/word"}}, actor="user:test")
        first = run(upstream)
        (second,) = end(first, result={"word": "hi"})
        failed = run(upstream)
        end(failed, "failed")
        assert "Followed by" in as_vera.text(job_url(upstream))
        assert "text = /word" in as_vera.text(job_url(downstream))
        page = as_vera.text(page_of(downstream))
        assert "The upstream failed" in page
        assert f"Execution {second}" in page
        assert "After Extract" in as_vera.text(reverse("admin:jobs_execution_change", args=[second]))
        text = as_vera.text(reverse("admin:jobs_execution_change", args=[failed]))
        assert "Not started" in text
        assert "Report" in text
        assert Succession.objects.count() == 2

    def test_tell_what_a_held_run_waits_for(self, job_of: MakeJob, as_vera: Browser) -> None:
        upstream, downstream = job_of(name="Extract", schedule=MINUTELY), job_of(name="Report", schedule=MINUTELY)
        dependencies.add(upstream.pk, downstream.pk, {"kind": "gate"}, actor="user:test")
        with transactions.engine():
            ledger.decide_due(now=sql.now() + timedelta(minutes=1), epoch=1)
        held = Execution.objects.get(job=downstream)
        page = as_vera.text(reverse("admin:jobs_execution_change", args=[held.pk]))
        waited_for = Execution.objects.get(job=upstream)
        assert "For the run of the same time of Extract" in page
        assert reverse("admin:jobs_execution_change", args=[waited_for.pk]) in page


class TestChange:
    def test_keeps_the_jobs_and_the_kind(self, upstream: Job, downstream: Job, as_ana: Browser) -> None:
        edge = dependencies.add(upstream.pk, downstream.pk, {"parameters": {"text": "/a"}}, actor="user:test")
        url = reverse("admin:jobs_job_dependency", args=[downstream.pk, edge.pk])
        page = as_ana.text(url)
        assert "text = /a" in page
        assert 'name="kind"' not in page
        answer = as_ana.post(url, {"condition": "failure", "parameters": "token = /b"})
        assert as_ana.told(answer) == ["Saved how Report follows Extract."]
        edge.refresh_from_db()
        assert (edge.condition, edge.parameters) == ("failure", {"token": "/b"})
        with untouched():
            assert (
                "has no parameter"
                in as_ana.post(url, {"condition": "failure", "parameters": "x = /b"}).content.decode()
            )

    def test_of_a_gate_is_its_patience(self, upstream: Job, downstream: Job, as_ana: Browser) -> None:
        edge = dependencies.add(upstream.pk, downstream.pk, {"kind": "gate"}, actor="user:test")
        url = reverse("admin:jobs_job_dependency", args=[downstream.pk, edge.pk])
        as_ana.post(url, {"condition": "always", "patience": "5", "patience_unit": "min"})
        edge.refresh_from_db()
        assert (edge.condition, edge.gate_patience_seconds) == ("always", 300)
        as_ana.post(url, {"condition": "always", "patience": "", "patience_unit": "min"})
        edge.refresh_from_db()
        assert edge.gate_patience_seconds == 3600  # an hour, as the form says

    def test_is_for_those_who_may_change_the_downstream(
        self, upstream: Job, downstream: Job, as_olaf: Browser, as_ana: Browser
    ) -> None:
        edge = dependencies.add(upstream.pk, downstream.pk, {}, actor="user:test")
        url = reverse("admin:jobs_job_dependency", args=[downstream.pk, edge.pk])
        with untouched():
            assert as_olaf.post(url, {"condition": "always"}).status_code == 403
            assert as_ana.get(reverse("admin:jobs_job_dependency", args=[upstream.pk, edge.pk])).status_code == 404
