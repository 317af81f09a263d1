"""The page of the inbox: what it lists, its filters and pages, and what can be done with one, some or all."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from notifications.inbox import marking, readers, reading
from notifications.models import Notification, Preference
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.jobs.api.conftest import MakeJob
from tests.notifications.admin.inbox.conftest import Tell

INBOX = "/admin/notifications/"
READ, CLEAR, MUTE = f"{INBOX}read/", f"{INBOX}clear/", f"{INBOX}mute/"


def titles(page: str) -> list[str]:
    return re.findall(r'class="row-link"[^>]*>([^<]*)</a>', page)


class TestList:
    @pytest.fixture
    def _stage(self, cast: Cast, told: Tell) -> None:
        job = {"job": {"id": 7, "name": "Invoices", "slug": "invoices"}}
        now = timezone.now()
        told("Failed", meta=job, body="ValueError", at=now - timedelta(days=2))
        seen = told("Seen", severity="info", type="job.recovered")
        told("Slow", severity="warning", type="job.slow", user_id=None)
        told("Of olaf", user_id=cast.olaf.pk)
        told("Of globex", tenant_id=cast.globex.pk, user_id=None)
        marking.read_one(readers.of_user(cast.ana), seen)

    @pytest.mark.usefixtures("_stage")
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["Slow", "Seen", "Failed"]),
            ("state=unread", ["Slow", "Failed"]),
            ("state=read", ["Seen"]),
            ("severity=warning", ["Slow", "Failed"]),
            ("severity=error", ["Failed"]),
            ("type=job.slow", ["Slow"]),
            ("job=7", ["Failed"]),
            ("q=valueerr", ["Failed"]),
            ("when=24h", ["Slow", "Seen"]),
            ("tenant=globex", []),
            ("tenant=acme&state=unread&q=slow", ["Slow"]),
            ("severity=grave&state=odd&when=ever&job=x&id=x", ["Slow", "Seen", "Failed"]),
        ],
    )
    def test_shows_what_the_address_asks_for(self, query: str, expected: list[str], as_ana: Browser) -> None:
        page = as_ana.text(f"{INBOX}?{query}")
        assert titles(page) == expected
        assert re.search(r"<b data-unread-count>2</b>", page)  # of all, whatever is shown

    def test_offers_the_types_that_are_built_in_and_those_of_the_viewers_own(
        self, cast: Cast, told: Tell, as_ana: Browser
    ) -> None:
        told(type="backup.done")
        told(type="noise", user_id=None)
        told(type="secret.merger", tenant_id=cast.globex.pk, user_id=None)
        told(type="gossip", user_id=cast.olaf.pk)
        page = as_ana.text(INBOX)
        for offered in ("backup.done", "noise", "job.failed", "system.worker"):
            assert f'<option value="{offered}"' in page, offered
        for foreign in ("secret.merger", "gossip"):
            assert foreign not in page

    def test_goes_page_by_page(self, cast: Cast, told: Tell, as_ana: Browser) -> None:
        for number in range(53):
            told(f"Number {number}", user_id=cast.ana.pk if number % 2 else None)
        first, second = as_ana.text(f"{INBOX}?state=unread"), as_ana.text(f"{INBOX}?state=unread&p=2")
        assert titles(first) == [f"Number {number}" for number in range(52, 2, -1)]
        assert titles(second) == ["Number 2", "Number 1", "Number 0"]
        assert 'href="?state=unread&amp;p=2" rel="next"' in first
        assert 'href="?state=unread" rel="prev"' in second
        assert "53 notifications, page 2 of 2" in second
        assert titles(as_ana.text(f"{INBOX}?p=99")) == titles(second)

    def test_says_what_fits_nothing_apart_from_what_is_empty(self, told: Tell, as_ana: Browser) -> None:
        assert "Failures of jobs you own land here." in as_ana.text(INBOX)
        told()
        assert "No notification fits" in as_ana.text(f"{INBOX}?q=nothing")

    def test_says_how_often_a_group_happened(self, told: Tell, as_ana: Browser) -> None:
        for _ in range(6):
            told("Invoice export failed", many="Invoice export failed {count} times", group_key="g")
        page = as_ana.text(INBOX)
        assert titles(page) == ["Invoice export failed 6 times"]
        assert "6 times since" in page


class TestChanges:
    def test_mark_one_as_read_by_a_form_and_by_a_script(self, cast: Cast, told: Tell, as_ana: Browser) -> None:
        one, two = told("One"), told("Two")
        answer = as_ana.post(f"{INBOX}{one}/read/", {"next": f"{INBOX}?state=unread"})
        assert (answer.status_code, answer.headers["Location"]) == (302, f"{INBOX}?state=unread")
        assert as_ana.post(f"{INBOX}{two}/read/", headers={"HX-Request": "true"}).json()["unread"] == 0
        assert reading.unread_count(readers.of_user(cast.ana)) == 0

    def test_mark_some_and_clear_some(self, cast: Cast, told: Tell, as_ana: Browser) -> None:
        ids = [told(f"Number {number}") for number in range(4)]
        told("For all", user_id=None)
        foreign = told("Of olaf", user_id=cast.olaf.pk)
        answer = as_ana.post(READ, {"id": [ids[0], ids[1], foreign, "x", "9" * 30]})
        assert as_ana.told(answer) == ["Marked 2 as read."]
        as_ana.post(CLEAR, {"id": [ids[0], ids[2], foreign], "unread_too": "1"})
        assert titles(as_ana.text(INBOX)) == ["For all", "Number 3", "Number 1"]
        assert Notification.objects.get(pk=foreign).read_at is None
        assert as_ana.told(as_ana.post(READ, {})) == ["Nothing was unread there."]

    def test_mark_and_clear_all_that_the_filters_show(self, told: Tell, as_ana: Browser) -> None:
        told("Failed"), told("Slow", severity="warning"), told("For all", user_id=None)
        as_ana.post(f"{READ}?severity=error", {"all": "1"})
        assert titles(as_ana.text(f"{INBOX}?state=unread")) == ["Slow"]
        answer = as_ana.post(CLEAR, {"all": "1"}, headers={"HX-Request": "true"})
        assert answer.json()["unread"] == 1
        assert titles(as_ana.text(INBOX)) == ["Slow"]

    def test_concern_nobody_else(self, cast: Cast, told: Tell, as_ana: Browser, as_vera: Browser) -> None:
        shared, own = told("For all", user_id=None), told("Of ana")
        assert as_vera.post(f"{INBOX}{own}/read/").status_code == 404
        as_vera.post(READ, {"all": "1"})
        as_vera.post(CLEAR, {"all": "1"})
        assert titles(as_vera.text(INBOX)) == []
        assert titles(as_ana.text(f"{INBOX}?state=unread")) == ["Of ana", "For all"]
        assert Notification.objects.filter(pk=shared).exists()

    @pytest.mark.parametrize("path", [READ, CLEAR, MUTE, f"{INBOX}1/read/"])
    def test_are_posted(self, path: str, as_ana: Browser) -> None:
        assert as_ana.get(path).status_code == 405

    def test_lead_back_to_our_own_pages_only(self, as_ana: Browser) -> None:
        for path in (READ, CLEAR, MUTE):
            answer = as_ana.post(path, {"all": "1", "unmute": "1", "next": "//evil.example/"})
            assert answer.headers["Location"].startswith(INBOX)


class TestMuting:
    def test_turns_a_job_silent_and_back(self, cast: Cast, job_of: MakeJob, told: Tell, as_ana: Browser) -> None:
        job = job_of(name="Invoices")
        told(meta={"job": {"id": job.pk, "name": "Invoices"}})
        assert "Mute Invoices" in as_ana.text(INBOX)
        as_ana.post(MUTE, {"mute": job.pk})
        assert Preference.objects.get(user=cast.ana).muted_jobs == [job.pk]
        assert "Hear of Invoices again" in as_ana.text(INBOX)
        as_ana.post(MUTE, {"unmute": job.pk})
        assert Preference.objects.get(user=cast.ana).muted_jobs == []

    def test_is_refused_for_jobs_of_others(self, cast: Cast, job_of: MakeJob, as_ana: Browser) -> None:
        theirs = job_of(cast.globex)
        assert as_ana.told(as_ana.post(MUTE, {"mute": theirs.pk})) == [f"There is no job {theirs.pk} that you can see."]
