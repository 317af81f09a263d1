"""The form of a job: what it asks, what it makes of the answers, and what it does when they are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from jobs import registry, sealed
from jobs.models import Job
from jobs.rules.states import Origin
from templates_registry.models import TemplateVersion
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, edit_url, job_url
from tests.jobs.api.conftest import MakeJob, untouched

PARAMETERS = "/admin/jobs/job/form/parameters/"


@pytest.fixture
def failing(db: None) -> TemplateVersion:
    return TemplateVersion.objects.get(name="failing")


def edited(job: Job, **more: Any) -> dict[str, Any]:
    """What the browser sends when nothing was touched, but for `more`."""
    browser_form = JobFormReader(job)
    return {**browser_form.data(), "_save": "", **more}


class JobFormReader:
    """The values that the page of an existing job starts with."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def data(self) -> dict[str, Any]:
        from accounts.models import Tenant
        from jobs.admin.editor.form import JobForm

        job = Job.objects.select_related("template").get(pk=self.job.pk)
        form = JobForm(job=job, tenants=Tenant.objects.all(), templates=[job.template])
        found: dict[str, Any] = {"parameters_of": job.template_id}
        for bound in form:
            value = bound.value()
            if bound.field.__class__.__name__ == "DurationField":
                number, unit = bound.field.widget.decompress(value)
                found |= {bound.name: "" if number is None else number, f"{bound.name}_unit": unit}
            elif value is not None:
                found[bound.name] = value.isoformat() if isinstance(value, datetime) else value
        return found


def errors(response: Any) -> dict[str, list[str]]:
    """Label -> messages, as the summary names them."""
    found: dict[str, list[str]] = {}
    for _, label, message in response.context["errors"]:
        found.setdefault(str(label), []).append(str(message))
    return found


class TestRefusal:
    @pytest.fixture
    def job(self, job_of: MakeJob) -> Job:
        return job_of()

    def test_names_everything_at_once_and_changes_nothing(self, job: Job, as_ana: Browser) -> None:
        data = edited(
            job,
            name="",
            kind="cron",
            cron="61 * * * *",
            timezone="Europe/Berlinn",
            tags="a,!bad",
            queue="no spaces",
            max_retries="-1",
            timeout="x",
            **{"parameters-text": "x" * 101},
        )
        with untouched():
            response = as_ana.post(edit_url(job), data)
        found = errors(response)
        assert set(found) == {"Name", "Cron expression", "Time zone", "Tags", "Queue", "Retries", "Time limit", "Text"}
        assert "Did you mean Europe/Berlin?" in found["Time zone"][0]

    def test_keeps_what_was_entered(self, job: Job, as_ana: Browser) -> None:
        entered = {"name": "Mine", "kind": "cron", "cron": "nonsense", "tags": "kept", "parameters-text": "also kept"}
        page = as_ana.post(edit_url(job), edited(job, **entered)).content.decode()
        for expected in ('value="Mine"', 'value="nonsense"', 'value="kept"', 'value="also kept"'):
            assert expected in page

    def test_links_each_message_to_its_field(self, job: Job, as_ana: Browser) -> None:
        page = as_ana.post(edit_url(job), edited(job, kind="cron", cron="nonsense")).content.decode()
        assert 'href="#id_cron"' in page
        assert 'id="id_cron_error"' in page
        assert 'aria-describedby="id_cron_helptext id_cron_error"' in page

    def test_opens_the_fold_that_has_the_error(self, job: Job, as_ana: Browser) -> None:
        page = as_ana.post(edit_url(job), edited(job, kind="cron", cron="0 9 13 * fri")).content.decode()
        assert '<details class="fold-fields when-repeating" open>' in page
        page = as_ana.post(edit_url(job), edited(job, queue="no spaces")).content.decode()
        assert '<details class="card-fold" open>' in page

    def test_to_save_fields_of_another_template_than_the_chosen_one(
        self, job: Job, failing: TemplateVersion, as_ana: Browser
    ) -> None:
        response = as_ana.post(edit_url(job), edited(job, template=failing.pk, **{"parameters-text": "mine"}))
        assert list(errors(response)) == ["Template"]
        assert 'name="parameters-until_attempt"' in response.content.decode()

    def test_of_a_kind_that_does_not_exist(self, job: Job, as_ana: Browser) -> None:
        assert "When it runs" in errors(as_ana.post(edit_url(job), edited(job, kind="sometimes")))

    def test_of_a_wall_time_that_the_clocks_leave_out(self, job: Job, as_ana: Browser) -> None:
        data = edited(job, kind="once", at="2027-03-28T02:30", timezone="Europe/Berlin")
        assert errors(as_ana.post(edit_url(job), data)) == {
            "Date and time": ["The clocks of Europe/Berlin leave this time out; choose another."]
        }

    def test_of_intervals_shorter_than_the_template_allows(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(template="failing")
        every = {"kind": "interval", "every": "5", "every_unit": "s"}
        assert "Every" in errors(as_ana.post(edit_url(job), edited(job, **every)))

    def test_of_short_intervals_ends_with_the_permission(self, cast: Cast, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(template="failing")
        cast.ana.user_permissions.add(Permission.objects.get(codename="run_sub_minute"))
        as_ana.post(edit_url(job), edited(job, kind="interval", every="5", every_unit="s"))
        assert Job.objects.get().schedule.every_seconds == 5

    def test_of_a_taken_short_name(self, job: Job, job_of: MakeJob, as_ana: Browser) -> None:
        job_of(slug="taken")
        assert "Short name" in errors(as_ana.post(edit_url(job), edited(job, slug="taken")))


class TestWithoutScripts:
    def test_loads_the_fields_of_a_template(self, job_of: MakeJob, failing: TemplateVersion, as_ana: Browser) -> None:
        job = job_of()
        data = edited(job, template=failing.pk, _load="")
        del data["_save"]
        with untouched():
            response = as_ana.post(edit_url(job), data)
        assert 'name="parameters-until_attempt"' in response.content.decode()
        assert response.context["errors"] == []

    def test_checks_the_schedule(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        data = edited(job, name="", kind="cron", cron="0 9 * * mon-fri", _check="")
        del data["_save"]
        response = as_ana.post(edit_url(job), data)
        assert "At 09:00, on Monday to Friday" in response.content.decode()
        assert response.context["errors"] == []


class TestAnotherTemplate:
    @pytest.fixture(autouse=True)
    def address(self, job_of: MakeJob) -> str:
        self.place = f"{PARAMETERS}?job={job_of().pk}"
        return self.place

    def swap(self, browser: Browser, template: TemplateVersion, **data: Any) -> str:
        response = browser.post(self.place, {"template": template.pk, **data})
        assert response.status_code == 200
        return response.content.decode()

    def test_brings_its_own_fields(self, failing: TemplateVersion, as_ana: Browser) -> None:
        assert 'name="parameters-until_attempt"' in self.swap(as_ana, failing)

    def test_keeps_values_of_the_same_name_that_fit(self, as_ana: Browser) -> None:
        one, other = (self.template(name, kind) for name, kind in (("one", "integer"), ("other", "integer")))
        page = self.swap(as_ana, other, parameters_of=one.pk, **{"parameters-size": "7"})
        assert 'value="7"' in page
        assert "no longer" not in page

    def test_names_values_that_no_longer_apply(
        self, echo: TemplateVersion, failing: TemplateVersion, as_ana: Browser
    ) -> None:
        page = self.swap(as_ana, failing, parameters_of=echo.pk, **{"parameters-text": "mine"})
        assert "1 value no longer applies: text." in page

    def test_drops_a_value_of_another_type(self, as_ana: Browser) -> None:
        one, other = self.template("one", "string"), self.template("other", "integer")
        page = self.swap(as_ana, other, parameters_of=one.pk, **{"parameters-size": "large"})
        assert "1 value no longer applies: size." in page

    def test_never_echoes_a_secret(self, echo: TemplateVersion, as_ana: Browser) -> None:
        page = self.swap(as_ana, echo, parameters_of=echo.pk, **{"parameters-token": "hunter2"})
        assert "hunter2" not in page

    def test_is_asked_for_by_post_so_that_values_stay_out_of_addresses(self, as_ana: Browser) -> None:
        assert as_ana.get(self.place).status_code == 405

    def test_is_of_a_job(self, echo: TemplateVersion, as_ana: Browser) -> None:
        assert as_ana.post(PARAMETERS, {"template": echo.pk}).status_code == 404

    def test_is_for_authors(self, echo: TemplateVersion, as_olaf: Browser) -> None:
        assert as_olaf.post(self.place, {"template": echo.pk}).status_code == 403

    def template(self, name: str, kind: str) -> TemplateVersion:
        schema = {"type": "object", "properties": {"size": {"type": kind}}, "additionalProperties": False}
        row = TemplateVersion.objects.get(name="echo")
        row.pk, row.name, row.schema = None, name, schema
        row.save()
        return row


class TestChange:
    def test_writes_a_revision_with_the_reason(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        response = as_ana.post(edit_url(job), edited(job, name="Renamed", note="Better name"))
        assert response.headers["Location"] == job_url(job)
        job.refresh_from_db()
        assert (job.name, job.revision) == ("Renamed", 2)
        assert job.revisions.first().note == "Better name"  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        "schedule",
        [
            {
                "kind": "cron",
                "cron": "0 9 13 * 5",
                "day_match": "any",
                "gap": "skip",
                "fold": "both",
                "timezone": "UTC",
            },
            {"kind": "interval", "every_seconds": 5400, "start_at": "2027-01-01T00:00:00Z", "timezone": "Asia/Tokyo"},
            {"kind": "once", "at": "2027-07-01T09:30:15Z", "timezone": "America/New_York"},
            {"kind": "manual"},
        ],
    )
    def test_saving_an_untouched_form_changes_nothing(
        self, schedule: dict[str, Any], job_of: MakeJob, as_ana: Browser
    ) -> None:
        job = job_of(schedule=schedule, policies={"soft_timeout_seconds": 90, "max_runs": 3}, tags=["a"])
        as_ana.post(edit_url(job), edited(job))
        assert job.revisions.get().change == "created"

    def test_keeps_a_stored_secret_that_was_left_alone(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"token": "hunter2"})
        page = as_ana.text(edit_url(job))
        assert "hunter2" not in page
        assert "Stored, last changed" in page
        as_ana.post(edit_url(job), edited(job, **{"parameters-text": "changed"}))
        job.refresh_from_db()
        assert sealed.parameters_of(job) == {"text": "changed", "token": "hunter2"}

    def test_replaces_and_removes_a_secret(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(parameters={"token": "hunter2"})
        as_ana.post(edit_url(job), edited(job, **{"parameters-token": "new"}))
        job.refresh_from_db()
        assert sealed.parameters_of(job)["token"] == "new"
        as_ana.post(edit_url(job), edited(job, **{"parameters-token-clear": "on"}))
        job.refresh_from_db()
        assert "token" not in job.parameters

    def test_refuses_to_lose_another_ones_update(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        stale = edited(job, name="Mine")
        registry.change(job.pk, {"name": "Theirs"}, actor="user:bob", note="Theirs first")
        with untouched():
            response = as_ana.post(edit_url(job), stale)
        page = response.content.decode()
        for expected in ("Somebody else has changed this job", "user:bob", "Theirs first", 'value="Mine"'):
            assert expected in page
        knowing = {**stale, "expected_revision": response.context["conflict"].number}
        assert f'name="expected_revision" value="{knowing["expected_revision"]}"' in page
        as_ana.post(edit_url(job), knowing)
        job.refresh_from_db()
        assert job.name == "Mine"

    def test_refuses_a_form_without_its_revision(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        as_ana.post(edit_url(job), edited(job, name="Mine", expected_revision=""))
        job.refresh_from_db()
        assert job.name != "Mine"

    def test_does_not_empty_what_must_have_a_value(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        assert errors(as_ana.post(edit_url(job), edited(job, timeout=""))) == {"Time limit": ["Enter a value."]}

    def test_of_an_adopted_job_touches_only_our_rules(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        Job.objects.filter(pk=job.pk).update(origin=Origin.ADOPTED)
        page = as_ana.text(edit_url(job))
        assert 'name="cron"' not in page
        data = {**edited(job), "name": "Hijacked", "cron": "* * * * *", "tags": "ours", "max_retries": "1"}
        as_ana.post(edit_url(job), data)
        before, job = job, Job.objects.get(pk=job.pk)
        assert (job.name, job.spec) == (before.name, before.spec)
        assert (job.tags, job.policies.max_retries) == (["ours"], 1)

    def test_of_an_archived_job_is_refused(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        registry.archive(job.pk, actor="user:ana")
        assert as_ana.get(edit_url(job)).headers["Location"] == job_url(job)

    def test_is_for_authors(self, job_of: MakeJob, as_vera: Browser, as_olaf: Browser) -> None:
        job = job_of()
        for browser in (as_vera, as_olaf):
            assert browser.get(edit_url(job)).status_code == 403
            assert browser.post(edit_url(job), edited(job, name="Mine")).status_code == 403

    def test_stays_in_the_template_version_of_the_job(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        newer = TemplateVersion.objects.get(pk=job.template_id)
        newer.pk, newer.version = None, 2
        newer.save()
        assert "v1 → v2 available" in as_ana.text(edit_url(job))
        as_ana.post(edit_url(job), edited(job))
        job.refresh_from_db()
        assert job.template.version == 1


UNREADABLE = [
    {"kind": "cron", "cron": "* * * * *", "timezone": "Atlantis/City"},
    {"kind": "cron", "cron": "99 * * * *", "timezone": "UTC"},
    {"kind": "interval", "every_seconds": "x"},
    {"kind": "once", "at": "not a date"},
    {"kind": "lunar", "timezone": "UTC"},
]


@pytest.mark.parametrize("spec", UNREADABLE)
class TestStoredScheduleThatNobodyUnderstands:
    def test_can_be_looked_at_and_mended_here(self, spec: dict[str, Any], job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        sound = edited(job)
        Job.objects.filter(pk=job.pk).update(spec=spec, problem="It cannot be evaluated.", next_tick_at=None)
        as_ana.text(edit_url(job))
        as_ana.post(edit_url(job), sound)
        job.refresh_from_db()
        assert (job.problem, job.revision) == ("", 2)
        assert job.next_tick_at is not None
