"""The wizard: five steps over a draft, from the choice of a template to the job."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership
from jobs import drafts, sealed
from jobs.definition import Definition
from jobs.models import Execution, Job, JobDraft
from scheduler_project.lib import viewer_zone
from templates_registry.models import TemplateVersion
from tests.cast import Cast, ClientOf, MakeKey
from tests.jobs.admin.conftest import JOBS, Browser, job_url
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

ADD = "/admin/jobs/job/add/"


class Walk:
    """A draft and the browser that writes it."""

    def __init__(self, browser: Browser, template: TemplateVersion, **more: Any) -> None:
        self.browser = browser
        self.response: Any = browser.post(ADD, {"template": template.pk, **more})
        self.draft = JobDraft.objects.latest("pk")

    def url(self, step: str) -> str:
        return f"/admin/jobs/job/new/{self.draft.token}/{step}/"

    def send(self, step: str, **data: Any) -> str:
        """Where it leads."""
        self.response = self.browser.post(self.url(step), {"parameters_of": self.draft.template_id, **data})
        self.draft = JobDraft.objects.filter(pk=self.draft.pk).first() or self.draft
        return str(self.response.headers.get("Location", ""))

    def save(self, step: str, **data: Any) -> str:
        """As the page does it by itself. The answer."""
        sent = {"parameters_of": self.draft.template_id, **data}
        response = self.browser.post(f"{self.url('save')}?step={step}", sent)
        self.draft.refresh_from_db()
        return response.content.decode()

    def to_review(self, **parameters: Any) -> None:
        self.send("parameters", name="Morning greeting", **parameters, _to="review")

    def text(self, step: str, **query: Any) -> str:
        return self.browser.text(self.url(step), **query)


@pytest.fixture
def walk(as_ana: Browser, echo: TemplateVersion) -> Walk:
    return Walk(as_ana, echo)


CRON = {"kind": "cron", "cron": "0 9 * * mon-fri", "timezone": "Europe/Berlin"}


class TestGallery:
    def test_shows_each_template_with_its_use_and_what_was_used_last(
        self, as_ana: Browser, job_of: MakeJob, cast: Cast
    ) -> None:
        job_of(template="failing")
        job_of(template="failing", owner="ana")
        with untouched():
            response = as_ana.get(ADD)
        recent, rest = response.context["shelves"]
        assert [(card.template.name, card.used_by) for card in recent.cards] == [("failing", 2)]
        assert {card.template.name for card in rest.cards} >= {"echo", "data_export"}
        assert "used by 2 jobs" in response.content.decode()

    def test_is_searched_and_narrowed_without_scripts(self, as_ana: Browser) -> None:
        def names(**query: str) -> list[str]:
            shelves = as_ana.get(ADD, query).context["shelves"]
            return [card.template.name for shelf in shelves for card in shelf.cards]

        assert names(q="EXPORT rows") == ["data_export"]
        assert names(category="Data", q="file") == ["data_export"]
        assert names(q="nothing like it") == []
        assert "No template fits" in as_ana.text(ADD, q="nothing like it")

    def test_proposes_the_template_that_a_link_names(self, as_ana: Browser) -> None:
        page = as_ana.text(ADD, template="echo")
        assert "Continue with it" in page
        assert not JobDraft.objects.exists()

    def test_asks_for_the_tenant_only_where_there_are_several(self, as_ana: Browser, as_root: Browser) -> None:
        assert 'name="tenant"' not in as_ana.text(ADD)
        assert 'name="tenant"' in as_root.text(ADD)

    def test_takes_only_a_tenant_where_one_may_write(self, cast: Cast, as_ana: Browser, echo: TemplateVersion) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role="operator")
        response = as_ana.post(ADD, {"template": echo.pk, "tenant": cast.globex.pk})
        assert "Choose a tenant of yours." in response.content.decode()
        assert not JobDraft.objects.exists()

    def test_is_for_authors(self, as_vera: Browser, as_olaf: Browser, echo: TemplateVersion) -> None:
        for browser in (as_vera, as_olaf):
            assert browser.get(ADD).status_code == 403
            assert browser.post(ADD, {"template": echo.pk}).status_code == 403

    def test_starts_where_one_may_write(self, cast: Cast, as_ana: Browser, echo: TemplateVersion) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role="operator")
        assert Walk(as_ana, echo).draft.tenant == cast.acme

    def test_takes_the_tenant_that_was_chosen(self, cast: Cast, as_root: Browser, echo: TemplateVersion) -> None:
        walk = Walk(as_root, echo, tenant=cast.globex.pk)
        walk.to_review()
        walk.send("review", _create="")
        assert Job.objects.get().tenant == cast.globex

    def test_needs_the_csrf_token(self, cast: Cast, as_ana: Browser, echo: TemplateVersion) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(cast.ana)
        assert strict.post(ADD, {"template": echo.pk}).status_code == 403

    def test_refuses_a_job_that_is_sent_as_a_whole(self, as_ana: Browser, echo: TemplateVersion) -> None:
        with untouched():
            response = as_ana.post(ADD, {"template": echo.pk, "name": "Morning greeting", **CRON, "_save": ""})
        assert response.status_code == 400
        assert "Nothing was created" in response.content.decode()
        assert not JobDraft.objects.exists()


class TestSteps:
    def test_lead_from_a_template_to_a_job(self, walk: Walk, as_ana: Browser, cast: Cast) -> None:
        assert walk.response.headers["Location"] == walk.url("parameters")
        asked = {"name": "Morning greeting", "parameters-text": "good day", "tags": "one, two"}
        assert walk.send("parameters", **asked, _next="") == walk.url("schedule")
        assert walk.send("schedule", **CRON, max_retries="1", timeout="5", timeout_unit="min") == walk.url(
            "notifications"
        )
        assert walk.send("notifications", owner="olaf") == walk.url("review")
        page = walk.text("review")
        for shown in ("At 09:00, on Monday to Friday", "good day", "5 min", "olaf", "one, two", "No worker serves"):
            assert shown in page
        walk.send("review", _create="")
        job = Job.objects.get()
        assert walk.response.headers["Location"] == job_url(job)
        assert (job.name, job.owner, job.tenant, job.tags) == ("Morning greeting", cast.olaf, cast.acme, ["one", "two"])
        assert (job.parameters, job.schedule.cron) == ({"text": "good day"}, "0 9 * * mon-fri")
        assert (job.policies.max_retries, job.policies.timeout_seconds) == (1, 300)
        assert job.revisions.get().actor == "user:ana"
        assert not JobDraft.objects.exists()
        assert as_ana.told(walk.response) == ["Created Morning greeting."]

    def test_can_be_left_out_up_to_the_review(self, walk: Walk, cast: Cast) -> None:
        walk.to_review()
        assert walk.draft.step == 5
        walk.send("schedule", **CRON)
        walk.send("review", _create="")
        assert Job.objects.get().owner == cast.ana

    def test_lead_back_to_the_review_once_it_was_reached(self, walk: Walk) -> None:
        walk.to_review()
        assert "Back to review" in walk.text("schedule")
        assert walk.send("schedule", **CRON) == walk.url("review")

    def test_are_not_skipped(self, walk: Walk) -> None:
        response = walk.browser.get(walk.url("review"))
        assert response.headers["Location"] == walk.url("parameters")

    def test_tell_where_one_is(self, walk: Walk) -> None:
        walk.send("parameters", name="Morning greeting")
        page = walk.text("schedule")
        assert len(re.findall('aria-current="step"', page)) == 1
        assert re.search(r'aria-current="step"><span class="wizard-number">3<', page)
        reachable = re.findall(r'name="_to" value="(\w+)"', page)
        assert set(reachable) == {"template", "parameters"}

    def test_start_in_the_zone_of_the_viewer(self, walk: Walk) -> None:
        walk.browser.cookies[viewer_zone.COOKIE] = "America/New_York"
        walk.send("parameters", name="Morning greeting")
        assert "America/New_York" in walk.text("schedule")

    def test_read_without_writing(self, walk: Walk) -> None:
        walk.to_review()
        with untouched():
            for step in ("template", "parameters", "schedule", "notifications", "review", "dry-run"):
                walk.text(step)


class TestMistake:
    def test_is_named_at_its_field_before_one_goes_on(self, walk: Walk) -> None:
        walk.send("parameters", name="", **{"parameters-text": "x" * 101})
        found = {label: message for _, label, message in walk.response.context["errors"]}
        assert set(found) == {"Name", "Text"}
        page = walk.response.content.decode()
        assert 'href="#id_name"' in page
        assert "x" * 101 in page
        assert walk.draft.step == 2

    def test_does_not_keep_anybody_from_going_back(self, walk: Walk) -> None:
        walk.send("parameters", name="Morning greeting")
        assert walk.send("schedule", kind="cron", cron="61 * * * *", _to="parameters") == walk.url("parameters")
        assert 'value="61 * * * *"' in walk.text("schedule")

    def test_of_a_later_step_leads_there_from_the_review(self, walk: Walk) -> None:
        walk.to_review()
        walk.save("schedule", kind="cron", cron="61 * * * *")
        page = walk.text("review")
        assert f'{walk.url("schedule")}?check=1#id_cron"' in page
        assert "is-here" in page
        assert re.search(r'name="_create"[^>]*\sdisabled', page)
        there = walk.text("schedule", check=1)
        assert 'id="id_cron_error"' in there
        walk.send("review", _create="")
        assert walk.response.status_code == 200
        assert not Job.objects.exists()

    def test_shows_nothing_on_a_step_that_nobody_has_filled_in(self, walk: Walk) -> None:
        assert "errorlist" not in walk.text("parameters")


class TestDraft:
    def test_is_saved_while_it_is_written(self, walk: Walk) -> None:
        answer = walk.save("parameters", name="Half", changed="name", seen="0", **{"parameters-text": "also"})
        assert "Saved as a draft" in answer
        assert (walk.draft.name, walk.draft.parameters) == ("Half", {"text": "also"})
        page = walk.text("parameters")
        assert 'value="Half"' in page
        assert "also" in page

    def test_keeps_what_two_tabs_have_written(self, walk: Walk) -> None:
        walk.save("parameters", name="One", tags="a", changed="name\ntags", seen="0")
        answer = walk.save("parameters", name="Old", tags="b", changed="tags", seen="0")
        assert "Another tab has changed Name; its entry was kept." in answer
        assert "Another tab had changed Tags; what you entered here was kept." in answer
        assert (walk.draft.name, walk.draft.fields["tags"]) == ("One", ["b"])

    def test_takes_all_that_was_changed_just_before_the_step_was_left(self, walk: Walk) -> None:
        walk.save("parameters", name="One", tags="a", changed="name\ntags", seen="0")
        walk.send("parameters", name="Two", tags="b", changed="name\r\ntags", seen="1")
        assert (walk.draft.name, walk.draft.fields["tags"]) == ("Two", ["b"])

    def test_never_shows_a_secret_again(self, walk: Walk) -> None:
        walk.save("parameters", name="Secretive", **{"parameters-token": "hunter2"})
        walk.to_review()
        assert walk.draft.parameters["token"] != "hunter2"
        for step in ("parameters", "review"):
            assert "hunter2" not in walk.text(step)
        assert "&lt;the secret&gt;" in walk.text("review")
        walk.send("schedule", kind="manual")
        walk.send("review", _create="")
        assert sealed.parameters_of(Job.objects.select_related("template").get())["token"] == "hunter2"

    def test_says_what_it_cannot_read_yet_and_keeps_the_rest(self, as_ana: Browser) -> None:
        walk = Walk(as_ana, TemplateVersion.objects.get(name="failing"))
        answer = walk.save("parameters", name="Kept", **{"parameters-until_attempt": "many"})
        assert "Not yet readable: " in answer
        assert walk.draft.name == "Kept"

    def test_takes_parameters_as_json_too(self, walk: Walk) -> None:
        walk.save("parameters", name="Secretive", **{"parameters-token": "hunter2"})
        data = {"parameters_of": walk.draft.template_id, "parameters-text": "mine", "parameters_to": "json"}
        page = walk.browser.post(walk.url("fields"), data).content.decode()
        assert "hunter2" not in page
        name = re.search(r'<textarea name="([^"]+)"', page)
        assert name is not None
        text = re.search(r"<textarea[^>]*>([^<]*)</textarea>", page)
        assert text is not None
        shown = json.loads(unescape(text[1]))
        written = json.dumps({**shown, "text": "by hand"})
        walk.save("parameters", parameters_as="json", changed=name[1], seen="9", **{name[1]: written})
        assert drafts.opened(walk.draft) == {"text": "by hand", "token": "hunter2"}
        broken = walk.save("parameters", parameters_as="json", changed=name[1], seen="9", **{name[1]: "{"})
        assert "Not yet readable" in broken
        assert drafts.opened(walk.draft) == {"text": "by hand", "token": "hunter2"}

    def test_is_not_confused_by_a_page_of_another_template(self, walk: Walk) -> None:
        walk.save("parameters", name="Kept", **{"parameters-text": "mine"})
        failing = TemplateVersion.objects.get(name="failing")
        walk.save("parameters", parameters_of=failing.pk, name="Late", **{"parameters-until_attempt": "3"})
        assert (walk.draft.name, walk.draft.parameters) == ("Late", {"text": "mine"})

    def test_is_offered_again_where_jobs_are(self, walk: Walk) -> None:
        walk.save("parameters", name="Half a job")
        assert "Half a job" in walk.browser.text(ADD)
        where = walk.browser.get(f"/admin/jobs/job/new/{walk.draft.token}/").headers["Location"]
        assert where == walk.url("parameters")

    def test_is_discarded(self, walk: Walk) -> None:
        walk.browser.post(walk.url("discard"))
        assert not JobDraft.objects.exists()
        gone: Any = walk.browser.get(walk.url("review"))
        assert gone.headers["Location"] == JOBS
        assert "There is no such draft of yours" in walk.browser.told(gone)[1]
        assert "There is no such draft" in walk.browser.post(walk.url("save"), {"name": "x"}).content.decode()

    @pytest.mark.parametrize("step", ["parameters", "save", "discard", "dry-run", "review"])
    def test_is_its_owners_alone(self, walk: Walk, as_root: Browser, step: str) -> None:
        as_root.post(walk.url(step), {"name": "Mine"})
        as_root.get(walk.url(step))
        assert JobDraft.objects.get().fields == {}

    def test_is_out_of_reach_of_who_may_write_no_longer(self, walk: Walk, cast: Cast) -> None:
        Membership.objects.filter(user=cast.ana).update(role="viewer")
        assert walk.browser.get(walk.url("parameters")).status_code == 403

    def test_takes_another_template_along_with_what_fits(self, walk: Walk) -> None:
        walk.save("parameters", name="Kept", **{"parameters-text": "mine"})
        failing = TemplateVersion.objects.get(name="failing")
        walk.send("template", template=failing.pk)
        assert (walk.draft.template, walk.draft.name, walk.draft.parameters) == (failing, "Kept", {})
        assert walk.browser.told(walk.response) == ["1 value no longer applies: text."]

    def test_answers_to_one_of_two_creations(self, walk: Walk) -> None:
        walk.to_review()
        walk.send("schedule", kind="manual")
        for _ in range(2):
            walk.send("review", _create="")
        assert Job.objects.count() == 1
        assert walk.response.headers["Location"] == JOBS


class TestCreation:
    def test_takes_everything_that_can_be_asked(self, walk: Walk) -> None:
        about = {"description": "Says hello.", "tags": "one, two , ,three", "slug": "hi"}
        walk.to_review(**about, **{"parameters-text": "good day"})
        schedule = {
            **CRON,
            "queue": "slow",
            "priority": "high",
            "spread": "2",
            "spread_unit": "min",
            "start_at": "2027-01-01T00:00",
            "overlap": "queue_one",
            "misfire": "all",
            "misfire_window": "2",
            "misfire_window_unit": "h",
            "timeout": "1.5",
            "timeout_unit": "h",
            "max_retries": "0",
            "on_lost": "fail",
            "max_runs": "12",
        }
        walk.send("schedule", **schedule)
        walk.send("review", _create="")
        job = Job.objects.get()
        found = (job.parameters["text"], job.description, job.tags, job.slug, job.queue, job.get_priority_display())
        assert found == ("good day", "Says hello.", ["one", "two", "three"], "hi", "slow", "High")
        assert job.schedule.spread_seconds == 120
        assert job.schedule.start_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
        policy = job.policies
        assert (policy.overlap, policy.misfire, policy.misfire_window_seconds) == ("queue_one", "all", 7200)
        assert (policy.timeout_seconds, policy.max_retries, policy.on_lost, policy.max_runs) == (5400, 0, "fail", 12)

    @pytest.mark.parametrize(
        ("schedule", "expected"),
        [
            ({"kind": "manual"}, {"kind": "manual"}),
            ({"kind": "interval", "every": "15", "every_unit": "min"}, {"kind": "interval", "every_seconds": 900}),
            ({"kind": "once", "at": "2027-07-01T09:00"}, {"kind": "once", "at": "2027-07-01T07:00:00+00:00"}),
            (
                {"kind": "cron", "cron": "0 9 13 * fri", "day_match": "all"},
                {"kind": "cron", "cron": "0 9 13 * fri", "day_match": "all"},
            ),
        ],
    )
    def test_takes_every_kind_of_schedule(self, schedule: dict[str, str], expected: dict[str, Any], walk: Walk) -> None:
        walk.to_review()
        walk.send("schedule", timezone="Europe/Berlin", **schedule)
        walk.send("review", _create="")
        spec = Job.objects.get().spec
        assert {key: spec[key] for key in expected} == expected

    @pytest.fixture
    def reviewed(self, walk: Walk) -> Walk:
        walk.to_review(**{"parameters-text": "it's"})
        walk.send("schedule", **CRON, overlap="queue_one", calendars=[])
        return walk

    def test_can_be_paused(self, reviewed: Walk) -> None:
        reviewed.send("review", _paused="")
        assert Job.objects.get().is_paused

    def test_can_run_at_once(self, reviewed: Walk) -> None:
        where = reviewed.send("review", _run="")
        assert where == f"/admin/jobs/execution/{Execution.objects.get().pk}/change/"

    def test_stands_when_its_run_is_refused(
        self, reviewed: Walk, job_of: MakeJob, run_of: RunJob, settings: Any
    ) -> None:
        queued = run_of(job_of())
        settings.DAYBOOK_QUEUE_LIMIT = 1
        page = reviewed.send("review", _run="")
        job = Job.objects.latest("pk")
        assert page == job_url(job)
        created, refused = reviewed.browser.told(reviewed.response)
        assert created == f"Created {job.name}."
        assert refused.startswith("It did not run. 1 runs of priority normal wait already")
        assert Execution.objects.get() == queued

    def test_is_what_the_api_makes_of_the_json(
        self, reviewed: Walk, client_of: ClientOf, make_key: MakeKey, cast: Cast
    ) -> None:
        context = reviewed.browser.get(reviewed.url("review")).context
        body, command = context["body"], shlex.split(context["curl"].replace("\\\n", " "))
        assert json.loads(command[-1]) == body
        assert command[4] == "http://testserver/api/v1/jobs"
        reviewed.send("review", _create="")
        made = Job.objects.select_related("template", "pool").get()
        answer = client_of(make_key()[1]).send("POST", "/api/v1/jobs", {**body, "slug": "again"})
        assert answer.status_code == 201, answer.content
        again = Job.objects.select_related("template", "pool").get(slug="again")
        assert replace(Definition.of(again), slug=made.slug).says_the_same(Definition.of(made))


class TestDryRun:
    def test_runs_the_template_without_a_job(self, walk: Walk) -> None:
        walk.to_review(**{"parameters-token": "hunter2"})
        page = walk.browser.post(walk.url("dry-run"), headers={"HX-Request": "true"}).content.decode()
        execution = Execution.objects.get()
        assert (execution.job_id, execution.dry_run, execution.requested_by) == (None, True, "user:ana")
        assert f'data-live="exec:{execution.pk}"' in page
        assert not Job.objects.exists()
        walk.save("parameters", name="Changed")
        assert "Something was changed since then" in walk.text("dry-run")

    def test_says_what_stands_in_for_it_where_there_is_none(self, as_ana: Browser) -> None:
        walk = Walk(as_ana, TemplateVersion.objects.get(name="failing"))
        walk.to_review()
        assert "This template has no dry run." in walk.text("review")
        assert walk.browser.post(walk.url("dry-run")).status_code == 403
        assert not Execution.objects.exists()

    def test_needs_parameters_that_fit(self, walk: Walk) -> None:
        walk.to_review()
        walk.save("parameters", **{"parameters-text": "x" * 101})
        page = walk.browser.post(walk.url("dry-run"), headers={"HX-Request": "true"}).content.decode()
        assert 'role="alert"' in page
        assert not Execution.objects.exists()


def test_drafts_are_bounded_by_the_wizard_too(as_ana: Browser, echo: TemplateVersion) -> None:
    for _ in range(drafts.MOST_PER_USER + 2):
        as_ana.post(ADD, {"template": echo.pk})
    assert JobDraft.objects.count() == drafts.MOST_PER_USER
