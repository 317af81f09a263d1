"""A real browser over the main pages, with hostile texts in every row: no script runs, and the policy has nothing to
refuse, since nothing of it became markup."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.security import hostile, stage

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WATCH = """
window.ran = 0;
window.xss = () => { window.ran += 1; };
document.addEventListener('securitypolicyviolation', event => { window.ran += 1; });
"""


def test_nothing_of_them_runs(visit: SignIn, cast: Cast, job_of: MakeJob, run_of: RunJob) -> None:
    rows = stage.build(cast, job_of, run_of)
    assert len(hostile.poison()) > 60
    seen = visit(cast.root)
    seen.page.add_init_script(WATCH)
    dialogs: list[str] = []
    seen.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    shown = 0
    runs = [reverse("admin:jobs_execution_change", args=[rows[name].pk]) for name in ("execution", "running")]
    for path in (
        "/admin/?all=1", "/admin/settings/", "/admin/jobs/job/", reverse("admin:jobs_job_page", args=[rows["job"].pk]),
        reverse("admin:jobs_job_change", args=[rows["job"].pk]), "/admin/jobs/execution/",
        *runs,
        *(reverse("admin:jobs_job_draft_step", args=[rows["draft"].token, step]) for step in ("parameters", "review")),
        reverse("admin:jobs_execution_why", args=[rows["execution"].pk]), "/admin/jobs/worker/",
        "/admin/jobs/webhook/", reverse("admin:jobs_webhook_change", args=[rows["webhook"].pk]),
        "/admin/jobs/calendar/", "/admin/jobs/pool/", "/admin/jobs/deadletter/", "/admin/jobs/maintenance/",
        reverse("admin:jobs_deadletter_change", args=[rows["letter"].pk]), "/admin/jobs/jobrevision/",
        "/admin/notifications/channels/", reverse("admin:notification_channel", args=[rows["channel"].pk]),
        "/admin/notifications/deliveries/", reverse("admin:notification_delivery", args=[rows["sending"].pk]),
        f"{reverse('admin:jobs_job_page', args=[rows['job'].pk])}?tab=notifications",
        reverse("admin:notifications"), reverse("admin:notification_settings"),
        "/admin/jobs/circuitevent/", "/admin/accounts/apikey/", "/admin/auth/user/",
    ):  # fmt: skip
        page = seen.open(path)
        assert page.evaluate("window.ran") == 0, path
        shown += page.content().count("xss()")
    page.locator("#bell").click()
    expect(page.locator("#notification-list li")).not_to_have_count(0)
    assert page.evaluate("window.ran") == 0
    assert "xss()" in page.locator("#notification-list").inner_text()
    assert dialogs == []
    assert shown > 500, shown
