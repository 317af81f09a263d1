"""The page of settings: every variable with its value and source, no secret, the switches, and the health."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.urls import reverse

from accounts import sealing
from jobs import runtime_flags
from jobs.models import SchedulerLease
from jobs.tick.leader import NAME
from scheduler_project.lib import sql
from scheduler_project.lib.quick_redis import RedisIsAway
from scheduler_project.settings.environment import VARIABLES, Environment
from scheduler_project.settings_page import checks, effective
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser, SignIn, as_root, as_vera, sign_in

__all__ = ["as_root", "as_vera", "sign_in"]

PAGE = "/admin/settings/"


def shown(*, shows_places: bool = True) -> dict[str, effective.Setting]:
    groups = effective.groups(shows_places=shows_places)
    return {setting.name: setting for group in groups for setting in group.settings}


class TestSettings:
    def test_are_all_there_once(self) -> None:
        names = [name for names in effective.GROUPS.values() for name in names]
        assert sorted(names) == sorted(VARIABLES)

    @override_settings(DAYBOOK_RATE_LIMIT=7, DAYBOOK_GIVEN=frozenset({"DAYBOOK_RATE_LIMIT"}))
    def test_say_what_is_in_force_and_what_has_set_it(self) -> None:
        found = shown()
        assert (found["DAYBOOK_RATE_LIMIT"].value, found["DAYBOOK_RATE_LIMIT"].source) == ("7", "environment")
        assert (found["DAYBOOK_HEARTBEAT"].value, found["DAYBOOK_HEARTBEAT"].source) == ("1 s", "profile")
        assert (found["DAYBOOK_QUEUE_LIMIT"].value, found["DAYBOOK_QUEUE_LIMIT"].source) == ("10000", "default")
        assert found["DAYBOOK_REQUIRE_IF_MATCH"].value == "off"
        assert "by If-Match" in found["DAYBOOK_REQUIRE_IF_MATCH"].meaning

    def test_never_show_a_secret(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "hunter2-a", ["hunter2-b", "hunter2-c"]
        settings.DAYBOOK_ENCRYPTION_KEYS = {"one": b"hunter2-d"}
        settings.CELERY_BROKER_URL = "redis://u:hunter2-e@redis:6379/0?p=hunter2-f"
        settings.DAYBOOK_SECRETS = {"acme/mail": "env:HUNTER2"}
        settings.DAYBOOK_POLICY_URL = "http://u:hunter2-g@opa:8181/v1/data/x"
        database = {"HOST": "db", "PORT": 5432, "NAME": "daybook", "PASSWORD": "hunter2-h"}
        monkeypatch.setitem(settings.DATABASES, "default", database)
        found = shown()
        assert "hunter2" not in str(found).lower()
        assert (found["DAYBOOK_SECRET_KEY"].value, found["DAYBOOK_PREVIOUS_SECRET_KEYS"].value) == ("set", "2 set")
        assert found["REDIS_URL"].value == "redis://redis:6379/0"
        assert found["DATABASE_URL"].value == "postgres://db:5432/daybook"
        assert found["DAYBOOK_POLICY_URL"].value == "http://opa:8181/v1/data/x"
        assert found["DAYBOOK_SECRETS"].value == "acme/mail"

    def test_of_places_are_for_superusers(self) -> None:
        found = shown(shows_places=False)
        assert found["DATABASE_URL"].value == "for superusers"
        assert found["DAYBOOK_POLICY_URL"].value == "none"
        assert found["DAYBOOK_RATE_LIMIT"].value == "1000000"

    def test_of_the_environment_are_those_that_are_not_empty(self) -> None:
        assert Environment({"DAYBOOK_DEBUG": "true", "REDIS_URL": "", "PATH": "/bin"}).given() == {"DAYBOOK_DEBUG"}


class TestPage:
    def test_tells_readers_less_than_superusers(self, as_vera: Browser, as_root: Browser) -> None:
        assert "for superusers" in as_vera.text(PAGE)
        assert "for superusers" not in as_root.text(PAGE)
        assert "postgres://" in as_root.text(PAGE)

    def test_names_who_turned_a_switch_and_why(self, as_vera: Browser) -> None:
        assert "Scheduler enabled" in as_vera.text(PAGE)
        runtime_flags.switch("scheduler.enabled", False, actor="user:root", note="Moving house")
        page = as_vera.text(PAGE)
        assert "Set by <b>user:root</b>" in page
        assert "Moving house" in page

    def test_is_closed_to_staff_without_a_membership(self, sign_in: SignIn) -> None:
        stranger = sign_in(User.objects.create_user("nobody"))
        for name in ("jobs_settings", "jobs_settings_health"):
            assert stranger.get(reverse(f"admin:{name}")).status_code == 403


@pytest.mark.django_db
class TestChecks:
    def test_say_what_is_wrong_and_what_to_do(self, cast: Cast, as_vera: Browser) -> None:
        SchedulerLease.objects.filter(name=NAME).update(expires_at=sql.now() - timedelta(hours=1))
        page = as_vera.text(reverse("admin:jobs_settings_health"))
        assert "No scheduler leads" in page
        assert "Start <code>celery -A scheduler_project beat</code>" in page
        assert page.index("Scheduler lead") < page.index("PostgreSQL")  # what needs somebody comes first

    def test_know_the_keys_the_live_channel_and_the_clocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = {check.name: check for check in checks.all_checks()}
        assert [found[name].status for name in ("live", "keys", "clocks")] == ["healthy"] * 3
        assert found["keys"].says == "environment, 1 key."
        assert all(found[name].milliseconds is not None for name in ("database", "redis", "live", "keys", "clocks"))

        def away() -> set[str]:
            raise RedisIsAway("no")

        def lost() -> None:
            raise sealing.KeysUnavailable("The key server does not answer.")

        monkeypatch.setattr("notifications.live.register.listened", away)
        monkeypatch.setattr("accounts.sealing.providers.active", lost)
        theirs = sql.now() + timedelta(seconds=90)
        monkeypatch.setattr("scheduler_project.lib.sql.now", lambda: theirs)
        found = {check.name: check for check in checks.all_checks()}
        assert [found[name].status for name in ("live", "keys", "clocks")] == ["degraded", "unhealthy", "degraded"]
        assert found["keys"].says == "The key server does not answer."
        assert "apart" in found["clocks"].says
