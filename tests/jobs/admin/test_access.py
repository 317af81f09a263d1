"""Who sees which page and whose rows."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from accounts.models import Membership
from scheduler_project.frame.navigation import Group, Link
from tests.cast import Cast
from tests.jobs.admin.conftest import (
    EXECUTIONS,
    JOBS,
    KEYS,
    REVISIONS,
    TEMPLATES,
    TICKS,
    WORKERS,
    Browser,
    SignIn,
    edit_url,
    job_url,
)
from tests.jobs.api.conftest import MakeJob, RunJob

LISTS = (JOBS, EXECUTIONS, TICKS, WORKERS, REVISIONS, TEMPLATES)


class TestEntrance:
    def test_leads_from_the_root_to_the_admin(self, client: Client) -> None:
        assert client.get("/").headers["Location"] == "/admin/"

    def test_asks_who_is_there(self, client: Client, db: None) -> None:
        response = client.get("/admin/", follow=True)
        assert response.redirect_chain[-1][0] == "/admin/login/?next=/admin/"
        assert "Daybook" in response.content.decode()

    def test_turns_away_members_that_are_no_staff(self, cast: Cast, client: Client) -> None:
        client.force_login(cast.ana)
        assert client.get(JOBS).status_code == 302


class TestLists:
    @pytest.mark.parametrize("path", LISTS)
    def test_open_to_every_role(self, path: str, as_vera: Browser, as_olaf: Browser, as_ana: Browser) -> None:
        for browser in (as_vera, as_olaf, as_ana):
            assert browser.get(path).status_code == 200

    @pytest.mark.parametrize("path", [*LISTS, KEYS])
    def test_closed_to_staff_without_a_membership(self, path: str, sign_in: SignIn) -> None:
        stranger = sign_in(User.objects.create_user("nobody"))
        assert stranger.get(path).status_code == 403

    def test_show_only_the_tenants_of_the_viewer(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser, as_gita: Browser, as_root: Browser
    ) -> None:
        ours, theirs = job_of(name="Ours"), job_of(cast.globex, name="Theirs")
        run_of(ours), run_of(theirs)
        for path in (JOBS, EXECUTIONS, REVISIONS):
            assert "Ours" in as_vera.text(path)
            assert "Theirs" not in as_vera.text(path)
            assert "Ours" not in as_gita.text(path)
            assert "Ours" in as_root.text(path)
            assert "Theirs" in as_root.text(path)

    def test_hide_a_tenant_that_was_deactivated(self, cast: Cast, job_of: MakeJob, as_vera: Browser) -> None:
        job_of(name="Ours")
        cast.acme.is_active = False
        cast.acme.save()
        assert as_vera.get(JOBS).status_code == 403


class TestForeignRows:
    def test_are_forbidden_and_unknown_ones_not_found(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_ana: Browser
    ) -> None:
        job = job_of(cast.globex)
        execution = run_of(job)
        for name, row in (
            ("jobs_job_page", job),
            ("jobs_job_change", job),
            ("jobs_job_archive", job),
            ("jobs_execution_change", execution),
            ("jobs_execution_live", execution),
            ("jobs_execution_log", execution),
            ("jobs_jobrevision_change", job.revisions.get()),
        ):
            assert as_ana.get(reverse(f"admin:{name}", args=[row.pk])).status_code == 403, name
            assert as_ana.get(reverse(f"admin:{name}", args=[row.pk + 100_000])).status_code == 404, name

    def test_cannot_be_operated(self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_ana: Browser) -> None:
        job = job_of(cast.globex)
        execution = run_of(job)
        for name in ("run", "pause", "archive"):
            assert as_ana.do(job, name).status_code == 403
        for name in ("cancel", "again"):
            assert as_ana.post(reverse(f"admin:jobs_execution_{name}", args=[execution.pk])).status_code == 403

    def test_words_that_are_no_id_are_not_found(self, as_ana: Browser) -> None:
        assert as_ana.get("/admin/jobs/job/abc/change/").status_code == 404
        assert as_ana.get("/admin/jobs/execution/99999999999999999999/change/").status_code == 404


class TestNavigation:
    def labels(self, browser: Browser) -> list[str]:
        return [link.label for link in self.links(browser, "/admin/")]

    def links(self, browser: Browser, path: str) -> list[Link]:
        groups: list[Group] = browser.get(path).context["navigation"]
        return [link for group in groups for link in group.all]

    def test_shows_a_viewer_what_a_viewer_may_open(self, as_vera: Browser) -> None:
        assert self.labels(as_vera) == [
            "Dashboard",
            "Jobs",
            "Executions",
            "Schedule",
            "Pipelines",
            "Dead letters",
            "Workers & queues",
            "Templates",
            "Calendars",
            "Pools",
            "Webhooks",
            "Notifications",
            "Settings",
            "Ticks",
            "Backfills",
            "Maintenance",
        ]

    def test_shows_a_superuser_everything(self, as_root: Browser) -> None:
        labels = self.labels(as_root)
        assert {"API keys", "Tenants", "Memberships", "Users", "Groups", "Celery beat rows"} <= set(labels)
        assert len(labels) == len(set(labels))

    def test_leads_everybody_to_the_documentation_of_the_api(self, as_vera: Browser) -> None:
        assert f'href="{reverse("api-docs")}"' in as_vera.text("/admin/")

    def test_every_link_leads_somewhere(self, as_root: Browser) -> None:
        for link in self.links(as_root, "/admin/"):
            assert as_root.get(link.url).status_code == 200, link

    def test_marks_where_the_viewer_is(self, job_of: MakeJob, as_vera: Browser) -> None:
        for path in (JOBS, job_url(job_of())):
            assert [link.label for link in self.links(as_vera, path) if link.is_current] == ["Jobs"]


class TestRoles:
    def test_follow_the_tenant_that_a_job_belongs_to(self, cast: Cast, job_of: MakeJob, as_ana: Browser) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role="viewer")
        ours, theirs = job_of(), job_of(cast.globex)
        assert as_ana.get(edit_url(ours)).status_code == 200
        assert as_ana.get(job_url(theirs)).status_code == 200
        assert as_ana.get(edit_url(theirs)).status_code == 403
        assert as_ana.do(theirs, "run").status_code == 403

    def test_deletion_is_nobodys(self, job_of: MakeJob, as_root: Browser) -> None:
        job = job_of()
        assert as_root.get(f"/admin/jobs/job/{job.pk}/delete/").status_code == 403
        assert "delete_selected" not in as_root.text(JOBS)
