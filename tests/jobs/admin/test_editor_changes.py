"""What the form of a job says that saving would change, before anything is saved."""

from __future__ import annotations

import re
from html import unescape

from django.urls import reverse

from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, edit_url
from tests.jobs.admin.test_job_form import edited
from tests.jobs.api.conftest import MakeJob, untouched


def told(page: str) -> list[str]:
    """The list of changes as text: labels, what was and what becomes."""
    inner = page.partition('<dl class="changes">')[2].partition("</dl>")[0]
    return [unescape(text) for text in re.findall(r"<(?:dt|del|ins|dd class=\"soft\")>([^<]+)<", inner)]


class TestChanges:
    def test_stand_beside_what_is_stored_without_secrets(self, job_of: MakeJob, as_ana: Browser, cast: Cast) -> None:
        job = job_of(name="Greet", owner="ana", parameters={"text": "hello", "token": "hunter2"})
        panel = f"{reverse('admin:jobs_job_form_impact')}?job={job.pk}"
        with untouched():
            same = as_ana.post(panel, edited(job)).content.decode()
            wish = {"name": "Greet all", "owner": "olaf", "parameters-text": "good day", "max_retries": "7"}
            page = as_ana.post(panel, edited(job, **wish, **{"parameters-token": "hunter3"})).content.decode()
        assert "Nothing is different from what is stored." in same
        found = told(page)
        for part in (
            ["Name", "Greet", "Greet all"],
            ["Owner", "ana", "olaf"],
            ["text", "hello", "good day"],
            ["Max retries", "3", "7"],
            ["token", "Another secret, which is not shown"],
        ):
            assert any(found[at : at + len(part)] == part for at in range(len(found))), (part, found)
        assert "5 changes" in page
        assert "hunter" not in page

    def test_wait_until_the_form_can_be_read(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        panel = f"{reverse('admin:jobs_job_form_impact')}?job={job.pk}"
        page = as_ana.post(panel, edited(job, kind="cron", cron="nonsense")).content.decode()
        assert "to be put right" in page
        assert "stored" not in page


class TestOwner:
    def test_is_changed_on_the_form(self, job_of: MakeJob, as_ana: Browser, cast: Cast) -> None:
        job = job_of(owner="ana")
        assert 'name="owner"' in as_ana.text(edit_url(job))
        as_ana.post(edit_url(job), edited(job, owner="olaf"))
        job.refresh_from_db()
        assert job.owner == cast.olaf
        as_ana.post(edit_url(job), edited(job, owner=""))
        job.refresh_from_db()
        assert job.owner is None

    def test_is_nobody_from_outside(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(owner="ana")
        assert 'value="gita"' not in as_ana.text(edit_url(job))
        assert as_ana.post(edit_url(job), edited(job, owner="gita")).status_code == 200
        job.refresh_from_db()
        assert job.revision == 1
