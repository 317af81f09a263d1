"""The pages of pipelines: list, graph, table, runs, what stops with a job and what follows a run."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from django.urls import reverse

from accounts.models import Tenant
from jobs import dependencies, registry
from jobs.admin.pipelines import picture
from jobs.models import Execution, Job
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn, job_url
from tests.jobs.api.conftest import MakeJob, untouched
from tests.jobs.dependencies.conftest import end, run

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/dependency/"


def of(name: str, *ids: int) -> str:
    return reverse(f"admin:{name}", args=ids)


@pytest.fixture
def line(job_of: MakeJob) -> list[Job]:
    """Extract, then load, then report; somebody is told when the load fails."""
    manual = {"schedule": {"kind": "manual"}, "policies": {"overlap": "allow"}}
    extract, load, report, tell = (job_of(name=name, **manual) for name in ("Extract", "Load", "Report", "Tell"))
    dependencies.add(extract.pk, load.pk, {}, actor="user:ana")
    dependencies.add(load.pk, report.pk, {"condition": "always"}, actor="user:ana")
    dependencies.add(load.pk, tell.pk, {"condition": "failure"}, actor="user:ana")
    return [extract, load, report, tell]


def graph_in(page: str) -> ElementTree.Element:
    return ElementTree.fromstring(page[page.index('<svg class="dag"') : page.index("</svg></div>") + 6])


class TestList:
    def test_names_each_by_its_first_jobs(
        self, line: list[Job], job_of: MakeJob, cast: Cast, as_vera: Browser, as_gita: Browser
    ) -> None:
        first = run(line[0])
        end(first)
        page = as_vera.text(of("jobs_pipelines"))
        for text in (
            "1 pipeline<",
            "Extract</a>",
            "4 jobs, 3 dependencies",
            f"?run={first}",
            of("jobs_pipeline", line[0].pk),
        ):
            assert text in page, text
        assert "No pipelines yet" in as_gita.text(LIST)
        assert "<html" not in as_vera.text(LIST, part="list")


class TestGraph:
    def test_has_a_link_for_each_job_in_their_order_and_words_at_the_edges(
        self, line: list[Job], as_vera: Browser
    ) -> None:
        registry.pause(line[2].pk, actor="user:ana")
        drawn = graph_in(as_vera.text(of("jobs_pipeline", line[3].pk), view="graph"))
        links = [one for one in drawn.iter() if one.tag == "a"]
        assert [one.attrib["href"] for one in links] == [job_url(job) for job in line]
        texts = ["".join(one.itertext()) for one in links]
        assert texts == ["ExtractNever ran", "LoadNever ran", "ReportPaused", "TellNever ran"]
        labels = [one.text for one in drawn.iter() if one.attrib.get("class") == "edge-label"]
        assert sorted(map(str, labels)) == ["on any end", "on failure", "on success"]

    def test_gives_single_nodes_anew(self, line: list[Job], as_vera: Browser) -> None:
        run(line[0])
        url = of("jobs_pipeline_nodes", line[0].pk)
        answer = as_vera.get(url, {"ids": f"{line[0].pk},{line[1].pk},x"})
        assert answer.headers["Content-Type"] == "image/svg+xml"
        assert re.findall('id="node-([0-9]+)"', answer.content.decode()) == [str(line[0].pk), str(line[1].pk)]
        assert "Queued" in answer.content.decode()
        assert answer.content.decode().count("<a ") == 2
        assert as_vera.get(url).content.decode().count("<a ") == 4

    def test_bears_long_and_hostile_names(self, line: list[Job], as_vera: Browser) -> None:
        name = "<b>Rechnungen</b>&" + "長" * 60
        registry.change(line[0].pk, {"name": name}, actor="user:ana")
        page = as_vera.text(of("jobs_pipeline", line[0].pk), view="graph")
        assert "<b>Rechnungen" not in page
        spans = [one.text or "" for one in graph_in(page).iter() if one.tag == "tspan"]
        assert max(map(len, spans)) <= 25
        assert spans[1].endswith("…")

    def test_of_many_jobs_shows_groups_and_what_is_near_one(
        self, line: list[Job], as_vera: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(picture, "MOST_NODES", 3)
        for job, tag in zip(line, ("in", "in", "out", "out"), strict=True):
            registry.change(job.pk, {"tags": [tag]}, actor="user:ana")
        where = of("jobs_pipeline", line[0].pk)
        page = as_vera.text(where)
        texts = ["".join(one.itertext()) for one in graph_in(page).iter() if one.tag == "a"]
        assert texts == ["in (2 jobs)Never ran", "out (2 jobs)Never ran"]
        near = as_vera.get(where, {"view": "graph", "around": line[0].pk}).context["picture"]
        assert ([node.id for node in near.nodes], near.left_out) == ([job.pk for job in line[:3]], 1)
        group = as_vera.get(where, {"view": "graph", "group": "out"}).context["picture"]
        assert {node.id for node in group.nodes} == {line[1].pk, line[2].pk, line[3].pk}

    def test_groups_by_steps_where_tags_are_missing(self, line: list[Job], monkeypatch: pytest.MonkeyPatch) -> None:
        found = dependencies.find_pipeline(dependencies.edges(), line[0].pk)
        assert found is not None
        assert {name: len(ids) for name, ids in picture.groups_of(found).items()} == {
            "step 1": 1, "step 2": 1, "step 3": 2,
        }  # fmt: skip


class TestTable:
    def test_says_the_same_and_offers_what_the_role_allows(
        self, line: list[Job], as_vera: Browser, as_olaf: Browser, as_ana: Browser
    ) -> None:
        where, links = of("jobs_pipeline", line[0].pk), {}
        for browser in (as_vera, as_olaf, as_ana):
            page = browser.text(where, view="table")
            assert all(job.name in page for job in line)
            assert "starts when it failed" in page
            links[browser] = (
                of("jobs_pipeline_run", line[1].pk) in page,
                of("jobs_job_dependencies", line[1].pk) in page,
            )
        assert [links[one] for one in (as_vera, as_olaf, as_ana)] == [(False, False), (True, False), (True, True)]


class TestWhatIf:
    def test_tells_what_stops_with_a_job(self, line: list[Job], as_vera: Browser) -> None:
        page = as_vera.get(of("jobs_pipeline", line[0].pk), {"view": "graph", "pause": line[1].pk})
        assert page.context["notes"] == ["Pausing Load also stops 2 jobs: Report, Tell."]
        assert page.content.decode().count("Would stop") == 2
        assert "Pausing Report stops no other job" in as_vera.text(
            of("jobs_pipeline", line[0].pk), view="table", pause=line[2].pk
        )

    def test_stands_in_the_question_before_a_pause_as_well(self, line: list[Job], as_ana: Browser) -> None:
        page = as_ana.text(reverse("admin:jobs_job_impact", args=[line[0].pk, "pause"]))
        assert "Pausing Extract also stops 3 jobs: Load, Report, Tell." in page


class TestRunFrom:
    def test_lists_what_follows_and_runs_it(self, line: list[Job], job_of: MakeJob, as_olaf: Browser) -> None:
        other = job_of(name="Other", schedule={"kind": "manual"})
        dependencies.add(other.pk, line[2].pk, {}, actor="user:ana")
        page = as_olaf.text(of("jobs_pipeline_run", line[1].pk))
        assert "<b>Tell</b>" in page.partition("These do not start")[0]
        assert "needs Other as well" in page
        as_olaf.do(line[1], "run")
        assert Execution.objects.get().job_id == line[1].pk

    def test_is_for_those_who_may_run_it(self, line: list[Job], as_vera: Browser) -> None:
        assert as_vera.get(of("jobs_pipeline_run", line[1].pk)).status_code == 403


class TestRuns:
    def test_show_each_execution_on_one_axis(self, line: list[Job], as_vera: Browser) -> None:
        first = run(line[0])
        (second,) = end(first)
        (third,) = end(second)
        where = of("jobs_pipeline", line[0].pk)
        page = as_vera.get(where, {"run": str(first)})
        text = page.content.decode()
        assert [row.member.execution.pk for row in page.context["run_rows"]] == [first, second, third]
        assert text.count('class="waterfall-bar"') == 3
        assert "The upstream succeeded" in text
        assert 'hx-get="' in text.partition('id="pipeline-run"')[2].partition(">")[0]
        assert as_vera.get(where, {"view": "runs"}).context["chosen"] == first
        assert "No such run" in as_vera.text(where, run=str(first + 1000))

    def test_of_other_pipelines_are_not_shown(self, line: list[Job], job_of: MakeJob, as_vera: Browser) -> None:
        foreign = run(job_of(name="Alone"))
        assert "No such run" in as_vera.text(of("jobs_pipeline", line[0].pk), run=str(foreign))

    def test_are_awaited(self, line: list[Job], as_vera: Browser) -> None:
        assert "No runs yet" in as_vera.text(of("jobs_pipeline", line[0].pk), view="runs")


class TestAccess:
    def test_follows_the_tenant_of_the_jobs(
        self, line: list[Job], job_of: MakeJob, as_gita: Browser, as_vera: Browser, sign_in: SignIn, cast: Cast
    ) -> None:
        for name in ("jobs_pipeline", "jobs_pipeline_nodes", "jobs_pipeline_run"):
            assert as_gita.get(of(name, line[0].pk)).status_code == 403, name
            assert as_vera.get(of(name, line[0].pk + 100_000)).status_code == 404, name
            assert as_vera.get(of(name, job_of().pk)).status_code == 404, name
        Tenant.objects.filter(pk=cast.acme.pk).update(is_active=False)
        assert as_vera.get(LIST).status_code == 403

    def test_leads_from_a_dependency_to_where_it_is_changed(self, line: list[Job], as_vera: Browser) -> None:
        edge = dependencies.edges().get(downstream=line[1])
        with untouched():
            answer = as_vera.get(of("jobs_dependency_change", edge.pk))
        assert answer.headers["Location"] == of("jobs_job_dependencies", line[1].pk)
