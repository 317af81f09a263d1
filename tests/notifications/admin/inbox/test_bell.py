"""The bell on every page: whose count it has, what it costs, and where it is not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from notifications.admin.inbox import glance
from notifications.inbox import following, marking, readers
from notifications.models import Preference
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn
from tests.notifications.admin.inbox.conftest import Tell

SETTINGS = "/admin/notifications/settings/"
PANEL = "/admin/notifications/panel/"


def bell(page: str) -> tuple[str, str, bool]:
    """What is seen of it, what is heard, and whether its number is shown."""
    badge = re.search(r'<span class="bell-badge"[^>]*?(hidden)?>([^<]*)</span>', page)
    words = re.search(r"data-bell-words[^>]*>([^<]*)<", page)
    assert badge is not None
    assert words is not None
    return badge[2], words[1], badge[1] is None


class TestBell:
    def test_counts_what_its_viewer_has_not_read(
        self, cast: Cast, told: Tell, as_ana: Browser, as_vera: Browser, as_gita: Browser
    ) -> None:
        told(), told("To all of acme", user_id=None), told("For globex", tenant_id=cast.globex.pk, user_id=None)
        assert bell(as_ana.text(SETTINGS)) == ("2", "Notifications, 2 unread", True)
        assert bell(as_vera.text(SETTINGS)) == ("1", "Notifications, 1 unread", True)
        marking.read_all(readers.of_user(cast.vera))
        assert bell(as_vera.text(SETTINGS)) == ("", "Notifications, none unread", False)
        assert bell(as_ana.text("/admin/notifications/bell/")) == ("2", "Notifications, 2 unread", True)
        assert bell(as_gita.text(SETTINGS))[0] == "1"

    def test_shows_no_more_than_two_digits_and_says_all(self, told: Tell, as_ana: Browser) -> None:
        for number in range(100):
            told(f"Number {number}")
        assert bell(as_ana.text(SETTINGS)) == ("99+", "Notifications, 100 unread", True)

    def test_carries_the_place_and_what_may_pop_up(self, cast: Cast, told: Tell, as_ana: Browser) -> None:
        told()
        page = as_ana.text(SETTINGS)
        assert f'data-place="{following.place_now()}"' in page
        assert 'data-toasts-from="warning" data-quiet=""' in page
        assert "data-on-desktop=" not in page
        Preference.objects.create(
            user=cast.ana,
            toasts_from="error",
            on_desktop=True,
            quiet_from="22:00",
            quiet_until="07:30",
            zone="Asia/Tokyo",
        )
        page = as_ana.text(SETTINGS)
        assert 'data-toasts-from="error" data-quiet="22:00 07:30 Asia/Tokyo" data-on-desktop="1"' in page

    def test_costs_two_statements_however_full_the_inbox_is(
        self, cast: Cast, told: Tell, rf: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(20):
            told(f"Number {number}")
        request = rf.get("/admin/")
        request.user = User.objects.get(pk=cast.ana.pk)
        glance.of(request)  # the memberships are read once per request, by whatever asks first
        statements: list[str] = []
        ask = sql.rows

        def rows(text: str, *args: Any, **options: Any) -> list[sql.Row]:
            statements.append(text)
            return ask(text, *args, **options)

        monkeypatch.setattr(sql, "rows", rows)
        with CaptureQueriesContext(connection) as by_the_models:
            found = glance.of(request)
        assert found is not None
        assert found.unread == 20
        assert (len(statements), len(by_the_models)) == (2, 0)

    def test_is_not_there_while_notifications_are_switched_off(
        self, settings: Any, told: Tell, as_ana: Browser
    ) -> None:
        told()
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
        page = as_ana.text("/admin/notifications/")
        assert 'id="bell"' not in page
        assert "notification-panel" not in page
        assert page.count("Notifications are switched off") == 1
        assert "Greet failed" in page

    def test_is_not_there_for_who_is_in_no_tenant(self, sign_in: SignIn) -> None:
        nobody = sign_in(User.objects.create_user("nobody"))
        assert 'id="bell"' not in nobody.text("/admin/password_change/")
        assert nobody.get(PANEL).status_code == 403


class TestPanel:
    @pytest.mark.parametrize(
        ("show", "expected"),
        [
            ("", ["For all", "Slow", "Seen", "Failed"]),
            ("unread", ["For all", "Slow", "Failed"]),
            ("failures", ["Seen", "Failed"]),
        ],
    )
    def test_shows_the_newest_of_what_was_chosen(
        self, show: str, expected: list[str], cast: Cast, told: Tell, as_ana: Browser
    ) -> None:
        told("Failed")
        marking.read_one(readers.of_user(cast.ana), told("Seen", severity="critical"))
        told("Slow", severity="warning"), told("For all", severity="info", user_id=None)
        page = as_ana.text(PANEL, show=show)
        assert re.findall(r"<b>([^<]*)</b>", page) == expected
        assert page.count("is-unread") == len([title for title in expected if title != "Seen"])

    def test_says_what_lands_here_while_it_is_empty(self, as_ana: Browser) -> None:
        assert "Nothing yet. Failures of jobs you own land here." in as_ana.text(PANEL)
        assert "Nothing unread." in as_ana.text(PANEL, show="unread")
        assert "No failures." in as_ana.text(PANEL, show="failures")

    def test_ends_after_the_newest_twenty_and_leads_to_the_rest(self, told: Tell, as_ana: Browser) -> None:
        for number in range(21):
            told(f"Number {number}")
        page = as_ana.text(PANEL, show="failures")
        assert page.count("<li") == 20
        assert "Number 20<" in page
        assert "Number 0<" not in page
        assert 'href="/admin/notifications/?severity=error"' in page

    @pytest.mark.parametrize(
        "path", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example", 5, None]
    )
    def test_leads_nowhere_else_than_to_our_own_pages(self, path: object, told: Tell, as_ana: Browser) -> None:
        pk = told(meta={"path": path})
        assert f'href="/admin/notifications/?id={pk}"' in as_ana.text(PANEL)

    def test_leads_to_the_run(self, told: Tell, as_ana: Browser) -> None:
        told(meta={"path": "/admin/jobs/execution/5/change/"})
        assert 'href="/admin/jobs/execution/5/change/"' in as_ana.text(PANEL)
