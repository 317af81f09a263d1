"""Users, groups and beat rows that the console or a command has changed are in the trail, passwords never."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.urls import reverse
from django_celery_beat.models import CrontabSchedule, PeriodicTask

from accounts.models import AuditEntry
from scheduler_project.lib import origin
from tests.cast import Cast, ClientOf

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-and-winding-phrase-7"


def the_last(action: str) -> AuditEntry:
    return AuditEntry.objects.filter(action=action).latest("id")


@pytest.fixture
def console(cast: Cast, client_of: ClientOf) -> Any:
    return client_of(cast.root)


def form_of(user: User, **more: Any) -> dict[str, Any]:
    inlines = {f"memberships-{name}": "0" for name in ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS")}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return {"username": user.username, "is_active": "on", "email": user.email, **dates, **inlines, **more}


class TestConsole:
    def test_tells_what_was_changed_of_a_user(self, console: Any, olaf: User) -> None:
        group = Group.objects.create(name="Night shift")
        olaf.memberships.all().delete()
        answer = console.post(
            reverse("admin:auth_user_change", args=[olaf.pk]),
            form_of(olaf, email="olaf@example.com", is_staff="on", groups=[group.pk]),
        )
        assert answer.status_code == 302, answer.content[:3000]
        entry = the_last("user.changed")
        assert entry.changes == {
            "email": ["", "olaf@example.com"],
            "is_staff": [False, True],
            "groups": [[], ["Night shift"]],
        }
        assert (entry.actor, entry.target_id, entry.target_name) == ("user:root", str(olaf.pk), "olaf")
        assert (entry.via, entry.address) == ("admin", "127.0.0.1")

    def test_tells_of_a_new_user_and_hides_the_password(self, console: Any) -> None:
        data = {"username": "newcomer", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
        assert console.post(reverse("admin:auth_user_add"), data).status_code == 302
        entry = the_last("user.created")
        assert entry.changes["username"] == [None, "newcomer"]
        assert entry.changes["password1"] == [None, "***"]
        assert PASSWORD not in str(vars(entry))

    def test_tells_of_a_new_password(self, console: Any, cast: Cast) -> None:
        data = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
        address = reverse("admin:auth_user_password_change", args=[cast.vera.pk])
        assert console.post(address, data).status_code == 302
        assert the_last("user.password_changed").actor == "user:root"
        own = {"old_password": "root", "new_password1": PASSWORD, "new_password2": PASSWORD}
        assert console.post(reverse("admin:password_change"), own).status_code == 302
        entry = the_last("user.password_changed")
        assert (entry.actor, entry.target_name) == ("user:root", "root")
        assert AuditEntry.objects.filter(action="user.password_changed").count() == 2

    def test_tells_who_was_removed(self, console: Any, cast: Cast) -> None:
        cast.vera.memberships.all().delete()
        console.post(reverse("admin:auth_user_delete", args=[cast.vera.pk]), {"post": "yes"})
        assert the_last("user.deleted").target_name == "vera"

    def test_tells_of_groups_and_their_permissions(self, console: Any) -> None:
        permission = Permission.objects.get(codename="run_sub_minute")
        address = reverse("admin:auth_group_add")
        assert console.post(address, {"name": "Fast ones", "permissions": [permission.pk]}).status_code == 302
        assert the_last("group.created").changes["permissions"] == [None, [str(permission)]]

    def test_tells_of_a_denied_change(self, cast: Cast, client_of: ClientOf) -> None:
        User.objects.filter(pk=cast.vera.pk).update(is_staff=True)
        address = reverse("admin:auth_user_change", args=[cast.root.pk])
        assert client_of(cast.vera).post(address, {}).status_code == 403
        entry = the_last("request.denied")
        assert (entry.actor, entry.outcome, entry.target_name) == ("user:vera", "refused", "auth_user_change")

    def test_tells_of_rows_of_the_beat(self, console: Any) -> None:
        schedule = CrontabSchedule.objects.create(minute="5")
        row = PeriodicTask.objects.create(name="Legacy", task="legacy.run", crontab=schedule)
        data = {"action": "disable_tasks", "_selected_action": [row.pk]}
        console.post(reverse("admin:django_celery_beat_periodictask_changelist"), data)
        entry = the_last("beat_row.disabled")
        assert (entry.actor, entry.target_id) == ("user:root", str(row.pk))


class TestCommands:
    def test_are_named_with_the_account_that_gave_them(self) -> None:
        origin.by_command("createsuperuser")
        try:
            call_command("createsuperuser", interactive=False, username="chief", email="c@example.com", verbosity=0)
        finally:
            origin.current.set(origin.SYSTEM)
        entry = the_last("user.created")
        assert (entry.via, entry.path, entry.target_name) == ("command", "manage.py createsuperuser", "chief")
        assert entry.actor == origin.operator()
        assert entry.changes["is_superuser"] == [None, True]
