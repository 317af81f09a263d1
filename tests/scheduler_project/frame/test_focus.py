"""The one tenant that a viewer looks at: it hides what they may see otherwise, and shows nothing that they may not."""

from __future__ import annotations

import pytest
from django.core.signing import get_cookie_signer
from django.urls import reverse

from accounts import access, focus
from accounts.models import Membership, Tenant
from accounts.scopes import Role, Scope
from jobs.models import Job
from scheduler_project.frame.viewer import TENANT_COOKIE
from tests.cast import Cast
from tests.jobs.admin.conftest import EXECUTIONS, JOBS, WORKERS, Browser, SignIn, edit_url, job_url
from tests.jobs.api.conftest import MakeJob, RunJob

CHOOSE = "/admin/choose/tenant/"


def look_at(browser: Browser, tenant: Tenant | None, **more: str) -> str:
    """Returns where it led."""
    response = browser.post(CHOOSE, {"tenant": tenant.pk if tenant else "", **more})
    assert response.status_code == 302
    return response.headers["Location"]


@pytest.fixture
def as_both(cast: Cast, sign_in: SignIn) -> Browser:
    """Ana, who writes jobs in Acme and looks at Globex."""
    Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
    return sign_in(cast.ana)


class TestChoice:
    def test_narrows_lists_pages_search_and_counts(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_both: Browser, as_root: Browser
    ) -> None:
        ours, theirs = job_of(name="Ours"), job_of(cast.globex, name="Theirs")
        run_of(theirs, "failed")
        for browser in (as_both, as_root):
            assert "Ours" in browser.text(JOBS)
            look_at(browser, cast.globex)
            for path in (JOBS, EXECUTIONS, "/admin/", "/admin/find/?part=1&q=our", "/admin/jobs/forecasthour/"):
                assert "Ours" not in browser.text(path), path
            assert "Theirs" in browser.text(JOBS)
            assert "Only <b>Globex</b> is shown." in browser.text("/admin/")
            look_at(browser, cast.acme)
            assert "Theirs" not in browser.text(JOBS) + browser.text(EXECUTIONS)
            assert browser.get("/admin/").context["open_letters"] == ""
            look_at(browser, None)
            assert browser.get("/admin/").context["open_letters"] == "1"
            assert {"Ours", "Theirs"} <= {job.name for job in Job.objects.all() if job.name in browser.text(JOBS)}
        assert ours.pk != theirs.pk

    def test_narrows_what_may_be_done(self, cast: Cast, job_of: MakeJob, as_both: Browser, as_root: Browser) -> None:
        ours = job_of(name="Ours")
        for browser in (as_both, as_root):
            look_at(browser, cast.globex)
            assert browser.get(job_url(ours)).status_code == 403
            assert browser.get(edit_url(ours)).status_code == 403
            assert browser.do(ours, "pause").status_code == 403
            assert "Show all tenants" in browser.get(job_url(ours)).content.decode()
        assert not Job.objects.get(pk=ours.pk).is_paused
        assert as_both.get("/admin/jobs/job/add/").status_code == 403  # a viewer in that one

    def test_widens_nothing(self, cast: Cast, job_of: MakeJob, as_ana: Browser, as_both: Browser) -> None:
        theirs = job_of(cast.globex, name="Theirs")
        assert as_both.do(theirs, "pause").status_code == 403
        look_at(as_both, cast.globex)
        assert as_both.do(theirs, "pause").status_code == 403
        Membership.objects.filter(user=cast.ana, tenant=cast.globex).delete()
        assert "Theirs" not in as_both.text(JOBS)
        assert as_both.get(job_url(theirs)).status_code == 403

    def test_of_another_tenant_counts_for_nothing(self, cast: Cast, job_of: MakeJob, as_vera: Browser) -> None:
        job_of(name="Ours"), job_of(cast.globex, name="Theirs")
        look_at(as_vera, cast.globex)
        signed = get_cookie_signer(salt=TENANT_COOKIE + TENANT_COOKIE).sign(str(cast.globex.pk))
        for value in ("", str(cast.globex.pk), signed, f"{cast.acme.pk}:x:y", "9" * 40):
            as_vera.cookies[TENANT_COOKIE] = value
            page = as_vera.text(JOBS)
            assert "Ours" in page
            assert "Theirs" not in page
        for value in (cast.globex.pk, "9" * 40, "-1", "x", ""):
            assert as_vera.post(CHOOSE, {"tenant": value}).status_code == 302
            assert "Theirs" not in as_vera.text(JOBS)

    def test_of_somebody_else_in_the_same_browser_counts_for_nothing(
        self, cast: Cast, job_of: MakeJob, as_both: Browser
    ) -> None:
        job_of(cast.globex, name="Theirs")
        look_at(as_both, cast.globex)
        cookie = as_both.cookies[TENANT_COOKIE].value
        as_both.force_login(cast.vera)
        cast.vera.is_staff = True
        cast.vera.save()
        as_both.cookies[TENANT_COOKIE] = cookie
        assert "Theirs" not in as_both.text(JOBS)

    def test_says_nothing_to_the_api(self, cast: Cast, job_of: MakeJob, as_both: Browser) -> None:
        job_of(name="Ours"), job_of(cast.globex, name="Theirs")
        look_at(as_both, cast.globex)
        names = {job["name"] for job in as_both.get("/api/v1/jobs").json()["results"]}
        assert names == {"Ours", "Theirs"}

    def test_ends_with_the_request(self, cast: Cast, job_of: MakeJob, as_root: Browser) -> None:
        job_of(name="Ours")
        look_at(as_root, cast.globex)
        as_root.get(JOBS)
        as_root.get("/admin/jobs/job/99999999/")
        assert focus.tenant_id() is None
        assert access.tenants(cast.root).count() >= 2
        assert access.may(cast.root, Scope.SCHEDULER_WRITE, cast.acme.pk)

    def test_leads_from_a_row_to_its_list_and_never_elsewhere(
        self, cast: Cast, job_of: MakeJob, as_root: Browser
    ) -> None:
        job = job_of()
        assert look_at(as_root, cast.globex, next=job_url(job)) == JOBS
        assert look_at(as_root, cast.globex, next=f"{JOBS}?state=paused") == f"{JOBS}?state=paused"
        assert look_at(as_root, None, next=job_url(job)) == job_url(job)
        for address in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "/nowhere/", ""):
            assert look_at(as_root, cast.globex, next=address) == "/admin/"

    def test_hides_members_and_keys_of_others(self, cast: Cast, as_root: Browser) -> None:
        look_at(as_root, cast.globex)
        for path in ("/admin/accounts/membership/", "/admin/accounts/apikey/"):
            assert "Acme" not in as_root.text(path).partition('id="content"')[2], path

    def test_is_offered_to_who_sees_several(self, as_vera: Browser, as_root: Browser, as_both: Browser) -> None:
        assert "tenant-menu" not in as_vera.text("/admin/")
        assert "tenant-menu" in as_root.text("/admin/")
        assert "tenant-menu" in as_both.text("/admin/")
        assert as_both.get(CHOOSE).status_code == 405


class TestPlaces:
    def test_of_workers_ask_for_a_membership(self, cast: Cast, as_root: Browser) -> None:
        assert as_root.get(WORKERS).status_code == 200
        look_at(as_root, cast.globex)
        assert as_root.get(WORKERS).context["sees_all"] is False
        assert as_root.get(reverse("admin:jobs_worker_live")).status_code == 200
