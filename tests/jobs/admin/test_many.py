"""Changes of many rows from a list: what is meant, asked for again, done in batches, answered for and undone."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from jobs import bulk, registry
from jobs.admin.lists import change_pages
from jobs.bulk import changes
from jobs.models import BulkChange, Execution, Job
from jobs.rules.states import ListPage
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import EXECUTIONS, JOBS, Browser
from tests.jobs.api.conftest import MakeJob, RunJob, untouched

pytestmark = pytest.mark.django_db


UNIQUE = ("id", "slug", "name", "periodic_task")  # of a job


def ask(browser: Browser, action: str, query: str = "", **data: Any) -> Any:
    return browser.post(f"{JOBS}many/{action}/?{query}", data)


def told_by(browser: Browser, path: str, **data: Any) -> list[str]:
    """What it says after a form was sent."""
    response: Any = browser.post(path, data)
    return browser.told(response)


def all_that_match(browser: Browser, action: str, query: str, count: int, **data: Any) -> Any:
    return ask(browser, action, query, all="1", count=count, confirmed="1", **data)


def change_of(response: Any) -> BulkChange:
    found = re.search(r"/changes/([0-9a-f-]{36})/", response.headers["Location"])
    assert found is not None
    return BulkChange.objects.get(pk=found[1])


class TestAllThatMatch:
    def test_are_counted_again_when_it_is_sent(self, job_of: MakeJob, as_ana: Browser) -> None:
        for number in range(3):
            job_of(tags=["blue"], name=f"Blue {number}")
        job_of(name="Green")
        first = ask(as_ana, "pause", "tag=blue", all="1", count="3").content.decode()
        for expected in ("Pause 3 jobs?", "Blue 0", 'name="count" value="3"', "Tag", "blue"):
            assert expected in first, expected
        assert "The list has changed" not in first
        job_of(tags=["blue"])
        again = all_that_match(as_ana, "pause", "tag=blue", 3).content.decode()
        assert "The list has changed" in again
        assert "It had 3" in again
        assert not Job.objects.exclude(paused_at=None).exists()
        told = as_ana.told(all_that_match(as_ana, "pause", "tag=blue", 4, note="Freeze"))
        assert told == ["Paused 4 jobs."]
        assert set(Job.objects.exclude(paused_at=None).values_list("pause_note", flat=True)) == {"Freeze"}
        assert not Job.objects.get(name="Green").is_paused

    def test_are_never_more_than_can_be_done(
        self, job_of: MakeJob, as_ana: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "MOST_ROWS", 1)
        job_of(), job_of()
        with untouched():
            told = as_ana.told(all_that_match(as_ana, "pause", "", 2))
        assert told == ["More than 1 jobs are meant; nothing was done. Narrow them down."]

    def test_are_none_when_the_address_makes_no_sense(self, job_of: MakeJob, as_ana: Browser) -> None:
        job_of()
        with untouched():
            assert all_that_match(as_ana, "pause", "nonsense__x=1", 1).status_code == 302


class TestOthersRows:
    def test_are_left_alone_and_not_named(self, cast: Cast, job_of: MakeJob, as_ana: Browser) -> None:
        ours, theirs = job_of(), job_of(cast.globex, name="Secret of globex")
        for ids in ([theirs.pk], [10**17], ["x"], []):
            with untouched():
                response = ask(as_ana, "pause", id=ids)
                assert "Secret" not in " ".join(as_ana.told(response))
        told = as_ana.told(ask(as_ana, "pause", id=[ours.pk, theirs.pk]))
        assert told == ["Paused 1 job.", "1 job could not be found."]
        assert not Job.objects.get(pk=theirs.pk).is_paused

    def test_cannot_be_followed_or_undone_by_others(
        self, job_of: MakeJob, as_ana: Browser, as_root: Browser, as_vera: Browser
    ) -> None:
        ask(as_ana, "pause", id=[job_of().pk])
        change = BulkChange.objects.get()
        for browser in (as_root, as_vera):
            assert browser.get(f"{JOBS}changes/{change.pk}/").status_code == 404
            for name in ("undo", "go-on"):
                assert browser.post(f"{JOBS}changes/{change.pk}/{name}/").status_code == 404
        assert as_ana.get(f"{JOBS}changes/{change.pk}/undo/").status_code == 405
        assert as_ana.get(f"{EXECUTIONS}changes/{change.pk}/").status_code == 404

    def test_need_the_role_for_the_action(self, job_of: MakeJob, as_olaf: Browser, as_vera: Browser) -> None:
        job = job_of()
        with untouched():
            assert ask(as_olaf, "pause", id=[job.pk]).status_code == 403
            assert ask(as_vera, "run", id=[job.pk]).status_code == 403
            assert ask(as_olaf, "explode", id=[job.pk]).status_code == 404


class TestUndo:
    def undo(self, browser: Browser) -> list[str]:
        browser.get(JOBS)  # what was told before
        change = BulkChange.objects.latest("created_at")
        return told_by(browser, f"{JOBS}changes/{change.pk}/undo/")

    def test_puts_back_just_what_was_changed_and_nobody_has_touched_since(
        self, job_of: MakeJob, as_ana: Browser
    ) -> None:
        mine, before, touched = job_of(name="Mine"), job_of(name="Before"), job_of(name="Touched")
        tomorrow = sql.now() + timedelta(days=1)
        registry.pause(before.pk, actor="user:olaf", note="Earlier", until=tomorrow)
        told = as_ana.get(ask(as_ana, "pause", id=[mine.pk, before.pk, touched.pk], note="x").headers["Location"])
        undo = [message.extra_tags for message in told.context["messages"]]
        assert undo[0].startswith("undo:/admin/jobs/job/changes/")
        registry.change(touched.pk, {"description": "other"}, actor="user:olaf")
        assert self.undo(as_ana) == [
            "Undone: 2 jobs as before.",
            "Touched was changed since; it stays as it is.",
        ]
        states = dict(Job.objects.values_list("name", "pause_note"))
        assert states == {"Mine": "", "Before": "Earlier", "Touched": "x"}
        assert Job.objects.get(pk=before.pk).paused_until == tomorrow
        assert self.undo(as_ana) == ["It cannot be undone any more; change the jobs as you want them."]

    @pytest.mark.parametrize(
        ("action", "data"),
        [
            ("resume", {}),
            ("enable", {}),
            ("disable", {}),
            ("add_tags", {"tags": "one, two", "count": 3, "confirmed": "1"}),
            ("remove_tags", {"tags": "blue", "count": 3, "confirmed": "1"}),
        ],
    )
    def test_is_real(self, action: str, data: dict[str, Any], job_of: MakeJob, as_ana: Browser) -> None:
        jobs = [job_of(tags=["blue"]), job_of(enabled=False), job_of(tags=["green"])]
        registry.pause(jobs[0].pk, actor="user:ana", note="n", until=sql.now() + timedelta(days=1))
        facts = ("is_enabled", "pause_note", "paused_until", "tags")
        before = list(Job.objects.order_by("pk").values_list(*facts))
        ask(as_ana, action, id=[job.pk for job in jobs], **data)
        assert list(Job.objects.order_by("pk").values_list(*facts)) != before
        assert "Undone" in self.undo(as_ana)[0]
        assert list(Job.objects.order_by("pk").values_list(*facts)) == before

    def test_ends_on_the_server_too(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of()
        ask(as_ana, "pause", id=[job.pk])
        BulkChange.objects.update(finished_at=sql.now() - changes.UNDO_LIMIT)
        assert "cannot be undone any more" in self.undo(as_ana)[0]
        assert Job.objects.get(pk=job.pk).is_paused

    @pytest.mark.parametrize(("role", "words"), [("viewer", "your role in Acme"), ("", "There is no job")])
    def test_is_for_those_who_may_still_do_it(
        self, role: str, words: str, cast: Cast, job_of: MakeJob, as_ana: Browser
    ) -> None:
        job = job_of(name="Mine")
        ask(as_ana, "pause", id=[job.pk])
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role="author")
        membership = Membership.objects.filter(tenant=cast.acme, user=cast.ana)
        if role:
            membership.update(role=role)
        else:
            membership.delete()
        assert words in self.undo(as_ana)[0]
        assert Job.objects.get(pk=job.pk).is_paused

    def test_is_not_offered_for_what_cannot_be_taken_back(self, job_of: MakeJob, as_ana: Browser) -> None:
        ids = [job_of().pk]
        for action in ("run", "archive"):
            asked = ask(as_ana, action, id=ids)
            if asked.status_code == 200:
                assert "cannot be brought back" in asked.content.decode()
                asked = ask(as_ana, action, id=ids, count=1, confirmed="1")
            page = as_ana.get(asked.headers["Location"])
            assert [message.extra_tags for message in page.context["messages"]] == [""]
            assert "cannot be undone" in self.undo(as_ana)[0]


class TestTags:
    def test_are_asked_for_until_they_are_tags(self, job_of: MakeJob, as_ana: Browser) -> None:
        job = job_of(tags=["old"])
        sent: dict[str, Any] = {"id": [job.pk], "count": 1, "confirmed": "1"}
        assert "Add tags to 1 job?" in ask(as_ana, "add_tags", id=[job.pk]).content.decode()
        for tags, words in (("", "at least one tag"), (" , ", "at least one tag"), ("x" * 51, "at most 20 tags")):
            assert words in ask(as_ana, "add_tags", **sent, tags=tags).content.decode()
        assert as_ana.told(ask(as_ana, "add_tags", **sent, tags="new, old ,new")) == ["Tagged 1 job."]
        assert Job.objects.get().tags == ["old", "new"]


class TestScripts:
    def test_are_answered_in_short(self, job_of: MakeJob, as_ana: Browser, as_vera: Browser) -> None:
        job = job_of()
        headers = {"X-Requested-With": "fetch"}
        answer = as_ana.post(f"{JOBS}many/disable/", {"id": job.pk}, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"refused": []})
        assert not Job.objects.get().is_enabled
        registry.archive(job.pk, actor="user:ana")
        answer = as_ana.post(f"{JOBS}many/enable/", {"id": job.pk}, headers=headers)
        assert answer.status_code == 409
        assert "archived" in answer.json()["refused"][0]
        assert as_ana.post(f"{JOBS}many/enable/", {"id": 10**9}, headers=headers).status_code == 409
        assert as_vera.post(f"{JOBS}many/enable/", {"id": job.pk}, headers=headers).status_code == 403


class TestManyRows:
    """Of many jobs, copied in the database: the list, its rows, and a change of all."""

    @pytest.fixture
    def many_jobs(self, count: int, job_of: MakeJob) -> Job:
        job = job_of(name="Copied", tags=["all"])
        columns = [field.column for field in Job._meta.concrete_fields if field.name not in UNIQUE]
        names = ", ".join(f'"{column}"' for column in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO dynamic_jobs (slug, name, {names}) SELECT slug || n, name || n, {names} "
                "FROM dynamic_jobs, generate_series(2, %s) n WHERE id = %s",
                [count, job.pk],
            )
            cursor.execute(
                "INSERT INTO job_revisions (job_id, number, valid_from, change, note, actor, definition, "
                "engine_version, tzdata_version) SELECT j.id, number, valid_from, change, note, actor, definition, "
                "engine_version, tzdata_version FROM job_revisions r, dynamic_jobs j WHERE r.job_id = %s "
                "AND j.id <> %s",
                [job.pk, job.pk],
            )
        return job

    @pytest.mark.parametrize("count", [1000])
    def test_are_listed_in_time(self, many_jobs: Job, as_ana: Browser) -> None:
        as_ana.text(JOBS)
        begun = time.monotonic()
        page = as_ana.text(JOBS, sort="-next_run", tag="all", p="20")
        assert time.monotonic() - begun < 2
        assert "1,000 jobs" in page
        assert len(page) < 400_000
        with CaptureQueriesContext(connection) as queries:
            rows = as_ana.text(f"{JOBS}rows/", ids=f"{many_jobs.pk},999999999999")
        assert re.findall(r'data-row="(\d+)"', rows) == [str(many_jobs.pk)]
        assert len(queries) < 25

    @pytest.mark.parametrize("count", [200, pytest.param(1000, marks=pytest.mark.long)])
    @pytest.mark.usefixtures("many_jobs")
    def test_are_changed_in_batches_that_go_on_and_are_summed_up(
        self, count: int, as_ana: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(change_pages, "MOST_LISTED", count // 2)
        gone = Job.objects.order_by("-pk").first()
        assert gone is not None
        response = all_that_match(as_ana, "pause", "tag=all", count)
        change = change_of(response)
        assert not Job.objects.exclude(paused_at=None).exists()
        assert f"0</b> of {count:,} jobs" in as_ana.text(response.headers["Location"])
        registry.archive(gone.pk, actor="user:olaf")
        go_on = f"{JOBS}changes/{change.pk}/go-on/"
        for turn in range(1, count // 100 + 1):
            page = as_ana.post(go_on, headers={"HX-Request": "true"}).content.decode()
            change.refresh_from_db()
            assert (change.taken, len(change.results)) == (turn * 100, turn * 100)
        assert "hx-post" not in page
        counts = changes.counts(change)
        assert (counts[bulk.Status.DONE], counts[bulk.Status.REFUSED]) == (count - 1, 1)
        assert Job.objects.exclude(paused_at=None).count() == count - 1
        listed = f"{count // 2} of {count:,} are listed"
        for expected in (gone.name, "is archived and does not change any more", "Undo", listed):
            assert expected in page, expected
        assert len(told_by(as_ana, f"{JOBS}changes/{change.pk}/undo/")) == 1
        assert not Job.objects.exclude(paused_at=None).exists()

    def test_of_a_batch_that_another_request_has_in_hand_are_not_done_twice(self, cast: Cast, job_of: MakeJob) -> None:
        rows = [job_of().pk]
        change = changes.start(owner_id=cast.ana.pk, page=ListPage.JOBS, action="run", rows=rows, wish={})
        BulkChange.objects.update(taken=1, taken_at=sql.now())
        changes.advance(change, lambda ids: pytest.fail(f"{ids} were done again"), words=str)
        assert (change.taken, change.results, change.finished_at) == (1, [], None)
        BulkChange.objects.update(taken_at=sql.now() - changes.GIVEN_UP)
        change.refresh_from_db()
        changes.advance(change, lambda ids: pytest.fail(f"{ids} were done again"), words=str)
        assert change.finished_at is not None


class TestExecutions:
    def test_are_cancelled_and_run_again_in_bulk(self, job_of: MakeJob, run_of: RunJob, as_olaf: Browser) -> None:
        job = job_of()
        queued, over = run_of(job), run_of(job, "failed")
        path = f"{EXECUTIONS}many"
        told = told_by(as_olaf, f"{path}/cancel/", id=[queued.pk, over.pk])
        assert told[0] == "Asked to cancel 1 execution."
        assert "already finished" in told[1]
        told = told_by(as_olaf, f"{path}/again/?status=failed", id=[over.pk])
        assert told == ["Queued 1 execution again."]
        newest = Execution.objects.latest("id")
        assert (newest.job, newest.status, newest.requested_by) == (job, "queued", "user:olaf")

    def test_bring_their_rows_and_what_is_new(
        self, cast: Cast, job_of: MakeJob, run_of: RunJob, as_vera: Browser
    ) -> None:
        job = job_of()
        first = run_of(job)
        fresh, failed, foreign = run_of(job), run_of(job, "failed"), run_of(job_of(cast.globex))
        path = f"{EXECUTIONS}rows/"
        page = as_vera.text(path, ids=f"{first.pk},{foreign.pk},x", newest=first.pk)
        shown, _, news = page.partition("data-news")
        assert re.findall(r'data-row="(\d+)"', shown) == [str(first.pk)]
        assert re.findall(r'data-row="(\d+)"', news) == [str(failed.pk), str(fresh.pk)]
        narrowed = as_vera.text(path, ids=str(first.pk), newest=first.pk, status="failed").partition("data-news")
        assert f'data-row="{first.pk}"' in narrowed[0]
        assert re.findall(r'data-row="(\d+)"', narrowed[2]) == [str(failed.pk)]
        assert "data-row" not in as_vera.text(path, ids="", newest=foreign.pk)
