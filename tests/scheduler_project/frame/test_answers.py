"""What the frame answers instead of a page: errors in words, 401 for fragments, notices that can be undone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.test import Client, RequestFactory

from scheduler_project.frame import error_pages
from scheduler_project.templatetags.console import undo_address
from tests.jobs.admin.conftest import JOBS, Browser, job_url
from tests.jobs.api.conftest import MakeJob

ASKED_BY_HTMX: Any = {"HTTP_HX_REQUEST": "true"}


class TestErrors:
    def test_of_pages_say_why_what_helps_and_the_request(self, as_vera: Browser) -> None:
        missing = as_vera.get("/admin/jobs/job/999999/", headers={"X-Request-ID": "look-me-up"})
        assert missing.status_code == 404
        for words in ("There is no job 999999.", 'action="/admin/find/"', "look-me-up", "console-nav"):
            assert words in missing.content.decode()
        refused = as_vera.get("/admin/jobs/job/add/", headers={"X-Request-ID": "look-me-up"})
        assert refused.status_code == 403
        for words in ("Your role does not allow you to create jobs.", "look-me-up", "console-nav"):
            assert words in refused.content.decode()

    def test_of_fragments_are_plain_sentences(self, as_vera: Browser) -> None:
        for path, status in (("/admin/jobs/job/999999/", 404), ("/admin/jobs/job/add/", 403)):
            answer = as_vera.get(path, **ASKED_BY_HTMX)
            assert answer.status_code == status
            assert answer.headers["Content-Type"].startswith("text/plain")
            assert b"<" not in answer.content

    def test_that_nobody_expected_name_the_request_and_no_detail(self) -> None:
        request = RequestFactory().get("/admin/")
        request.META["DAYBOOK_REQUEST_ID"] = "look-me-up"
        page = error_pages.server_error(request)
        assert page.status_code == 500
        assert "look-me-up" in page.content.decode()
        assert "Traceback" not in page.content.decode()
        part = error_pages.server_error(RequestFactory().get("/admin/", **ASKED_BY_HTMX))
        assert part.headers["Content-Type"] == "text/plain"
        assert (
            error_pages.server_error(RequestFactory().get("/api/v1/jobs"))
            .headers["Content-Type"]
            .startswith("application/json")
        )

    def test_show_strangers_no_more_than_before(self) -> None:
        answer = Client().get("/nowhere/at/all")
        assert answer.status_code == 404
        assert "console-nav" not in answer.content.decode()


class TestSession:
    def test_that_ended_is_a_401_for_fragments_and_a_login_for_pages(self, job_of: MakeJob) -> None:
        stranger = Client()
        for path in (JOBS, job_url(job_of()), "/admin/find/?part=1", "/admin/session/"):
            assert stranger.get(path, **ASKED_BY_HTMX).status_code == 401
            assert "/admin/login/" in stranger.get(path).headers["Location"]

    def test_gives_its_forms_a_new_token(self, as_vera: Browser) -> None:
        answer = as_vera.get("/admin/session/").json()
        assert answer["user"] == "vera"
        assert len(answer["token"]) > 30


class TestNotices:
    @pytest.mark.parametrize(
        ("tags", "address"),
        [
            ("undo:/admin/jobs/undo/5/", "/admin/jobs/undo/5/"),
            ("quiet undo:/admin/x/", "/admin/x/"),
            ("undo://evil.example/", ""),
            ("undo:https://evil.example/", ""),
            ("undo:javascript:alert(1)", ""),
            ("", ""),
        ],
    )
    def test_are_undone_only_at_this_site(self, tags: str, address: str) -> None:
        assert undo_address(Message(messages.SUCCESS, "Paused.", extra_tags=tags)) == address


class TestBanners:
    def test_say_that_somebody_only_reads(self, as_vera: Browser, as_ana: Browser) -> None:
        assert "<b>Read-only.</b>" in as_vera.text("/admin/")
        assert "<b>Read-only.</b>" not in as_ana.text("/admin/")


class TestComponents:
    def test_are_for_those_who_work_on_the_console(self, as_vera: Browser, settings: Any) -> None:
        settings.DEBUG = False
        assert as_vera.get("/admin/_components/").status_code == 404
        settings.DEBUG = True
        assert "Buttons" in as_vera.text("/admin/_components/")


class TestMode:
    def test_is_said_and_hides_what_it_has_no_use_for(self, as_root: Browser, settings: Any) -> None:
        for uses_celery, word, has_results in ((True, ">Celery</a>", True), (False, ">APScheduler</a>", False)):
            settings.SCHEDULER_USE_CELERY = uses_celery
            page = as_root.text("/admin/")
            assert word in page
            assert ("Celery results" in page) is has_results
