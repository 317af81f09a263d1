"""Limits in the console: superusers grant, administrators of a tenant lower, nobody else sees them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEntry
from accounts.limits.models import RateLimit
from accounts.models import Membership
from accounts.scopes import Role
from tests.cast import Cast, ClientOf

pytestmark = pytest.mark.django_db

LIST, ADD = "/admin/accounts/ratelimit/", "/admin/accounts/ratelimit/add/"


@pytest.fixture
def root(cast: Cast, client_of: ClientOf) -> Client:
    return client_of(cast.root)


@pytest.fixture
def admin(cast: Cast, client_of: ClientOf) -> Client:
    Membership.objects.filter(user=cast.ana).update(role=Role.ADMIN)
    cast.ana.is_staff = True
    cast.ana.save()
    return client_of(cast.ana)


def form(endpoint: str, per_minute: Any = "", tenant: Any = "", burst: Any = "", algorithm: str = "bucket") -> Any:
    names = ("tenant", "endpoint", "per_minute", "burst", "algorithm")
    return dict(zip(names, (tenant, endpoint, per_minute, burst, algorithm), strict=True))


def change(row: RateLimit) -> str:
    return reverse("admin:accounts_ratelimit_change", args=[row.pk])


class TestConsole:
    def test_lets_superusers_grant_and_take_away(self, root: Client, cast: Cast) -> None:
        assert root.post(ADD, form("read", 500)).status_code == 302
        assert root.post(ADD, form("job-list", "", cast.acme.pk)).status_code == 302
        rows = {row.endpoint: row for row in RateLimit.objects.all()}
        assert (rows["read"].tenant, rows["read"].per_minute, rows["read"].updated_by) == (None, 500, "user:root")
        assert (rows["job-list"].tenant, rows["job-list"].per_minute) == (cast.acme, None)
        page = root.get(LIST).content.decode()
        for text in ("Everyone", "500", "Without limit", "user:root (granted)"):
            assert text in page
        again = root.post(ADD, form("read", 600))
        assert "There is a limit for this already" in again.content.decode()
        changed = root.post(change(rows["read"]), {"per_minute": 5, "burst": 2, "algorithm": "bucket"})
        assert changed.status_code == 302
        row = RateLimit.objects.get(endpoint="read")
        assert (row.per_minute, row.burst) == (5, 2)
        delete = reverse("admin:accounts_ratelimit_delete", args=[row.pk])
        assert root.post(delete, {"post": "yes"}).status_code == 302
        assert RateLimit.objects.get().endpoint == "job-list"
        assert AuditEntry.objects.filter(action="rate_limits.changed", actor="user:root").count() == 4

    def test_lets_administrators_lower_what_is_granted_to_their_tenant(
        self, root: Client, admin: Client, cast: Cast
    ) -> None:
        root.post(ADD, form("read", 50, cast.acme.pk))
        root.post(ADD, form("read", 50, cast.globex.pk))
        granted = RateLimit.objects.get(tenant=cast.acme)
        assert "Write at most 50," in admin.post(ADD, form("read", 51, cast.acme.pk)).content.decode()
        assert "only superusers set the limits of everyone" in admin.post(ADD, form("read", 5)).content.decode()
        assert admin.post(ADD, form("read", 5, cast.globex.pk)).status_code == 200  # not among the choices
        assert admin.post(ADD, form("read", 5, cast.acme.pk)).status_code == 302
        chosen = RateLimit.objects.get(level="chosen")
        assert (chosen.tenant, chosen.per_minute, chosen.updated_by) == (cast.acme, 5, "user:ana")
        page = admin.get(LIST).content.decode()
        assert "user:ana (chosen)" in page
        assert "Globex" not in page
        assert admin.get(change(granted)).status_code == 200
        assert admin.post(change(granted), {"per_minute": 1, "algorithm": "bucket"}).status_code == 403
        foreign = RateLimit.objects.get(tenant=cast.globex)
        assert admin.get(change(foreign)).status_code == 403
        admin.post(LIST, {"action": "delete_selected", "_selected_action": [granted.pk, chosen.pk], "post": "yes"})
        assert RateLimit.objects.filter(pk=granted.pk).exists()

    def test_shows_them_to_nobody_else(self, cast: Cast, client_of: ClientOf) -> None:
        for user in (cast.ana, cast.vera):
            user.is_staff = True
            user.save()
            assert client_of(user).get(LIST).status_code == 403
