"""Tenants, members and API keys in the admin."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Membership
from accounts.scopes import Role, Scope
from tests.cast import Cast

KEYS = "/admin/accounts/apikey/"
MEMBERS = "/admin/accounts/membership/"


@pytest.fixture
def as_admin(cast: Cast) -> Client:
    """Looks after acme; no superuser."""
    adam = User.objects.create_user("adam", is_staff=True)
    Membership.objects.create(tenant=cast.acme, user=adam, role=Role.ADMIN)
    client = Client()
    client.force_login(adam)
    return client


@pytest.fixture
def as_root(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.root)
    return client


def new_key(cast: Cast, **more: object) -> dict[str, object]:
    return {"tenant": cast.acme.pk, "name": "Importer", "scopes": [Scope.SCHEDULER_READ.value], **more}


class TestCreate:
    def test_shows_the_text_once_and_stores_its_hash(self, cast: Cast, as_admin: Client) -> None:
        response = as_admin.post(f"{KEYS}add/", new_key(cast))
        page = response.content.decode()
        found = re.search(r'value="(sch_live_[^"]+)"', page)
        assert found is not None
        key = keys.recognise(found[1], now=timezone.now())
        assert (key.name, key.tenant, key.scopes) == ("Importer", cast.acme, ["scheduler:read"])
        assert key.created_by is not None
        assert key.created_by.username == "adam"
        assert "no-store" in response.headers["Cache-Control"]
        for path in (KEYS, reverse("admin:accounts_apikey_change", args=[key.pk])):
            assert found[1] not in as_admin.get(path).content.decode()
        assert ApiKey.objects.count() == 1

    def test_refuses_a_foreign_tenant_and_a_past_end(self, cast: Cast, as_admin: Client) -> None:
        for data in (
            new_key(cast, tenant=cast.globex.pk),
            new_key(cast, expires_at="2020-01-01T00:00"),
            new_key(cast, scopes=[]),
            new_key(cast, scopes=["everything"]),
        ):
            assert as_admin.post(f"{KEYS}add/", data).status_code == 200
        assert not ApiKey.objects.exists()

    def test_is_for_administrators(self, cast: Cast) -> None:
        cast.ana.is_staff = True
        cast.ana.save()
        client = Client()
        client.force_login(cast.ana)
        assert client.get(KEYS).status_code == 403
        assert client.post(f"{KEYS}add/", new_key(cast)).status_code == 403


class TestRevoke:
    def test_refuses_the_key_from_then_on(self, cast: Cast, as_admin: Client) -> None:
        key, text = keys.create(tenant=cast.acme, name="a program", scopes=Scope.values)
        url = reverse("admin:accounts_apikey_revoke", args=[key.pk])
        assert as_admin.get(url).status_code == 405
        as_admin.post(url)
        with pytest.raises(keys.UnknownKey, match="was revoked"):
            keys.recognise(text, now=timezone.now())
        assert "Revoked" in as_admin.get(KEYS).content.decode()

    def test_never_reaches_another_tenants_key(self, cast: Cast, as_admin: Client) -> None:
        key, text = keys.create(tenant=cast.globex, name="theirs", scopes=Scope.values)
        assert "theirs" not in as_admin.get(KEYS).content.decode()
        assert as_admin.post(reverse("admin:accounts_apikey_revoke", args=[key.pk])).status_code == 403
        as_admin.post(KEYS, {"action": "revoke", "_selected_action": [key.pk]})
        assert keys.recognise(text, now=timezone.now()) == key

    def test_works_in_bulk(self, cast: Cast, as_root: Client) -> None:
        made = [keys.create(tenant=cast.acme, name="a", scopes=Scope.values)[0] for _ in range(2)]
        response = as_root.post(KEYS, {"action": "revoke", "_selected_action": [key.pk for key in made]}, follow=True)
        assert "Revoked 2 keys." in response.content.decode()

    def test_is_all_that_can_be_done_to_a_key(self, cast: Cast, as_root: Client) -> None:
        key, _ = keys.create(tenant=cast.acme, name="a", scopes=[Scope.SCHEDULER_READ])
        url = reverse("admin:accounts_apikey_change", args=[key.pk])
        as_root.post(url, new_key(cast, scopes=Scope.values))
        key.refresh_from_db()
        assert key.scopes == ["scheduler:read"]
        assert as_root.post(reverse("admin:accounts_apikey_delete", args=[key.pk])).status_code == 403


class TestMembers:
    def test_are_managed_by_the_tenants_administrators(self, cast: Cast, as_admin: Client) -> None:
        page = as_admin.get(MEMBERS).content.decode()
        assert "vera" in page
        assert "gita" not in page
        mine = Membership.objects.get(user=cast.vera)
        as_admin.post(reverse("admin:accounts_membership_change", args=[mine.pk]), {"role": "operator"})
        mine.refresh_from_db()
        assert mine.role == Role.OPERATOR

    def test_of_other_tenants_stay_out_of_reach(self, cast: Cast, as_admin: Client) -> None:
        theirs = Membership.objects.get(user=cast.gita)
        assert as_admin.get(reverse("admin:accounts_membership_change", args=[theirs.pk])).status_code == 403
        as_admin.post(f"{MEMBERS}add/", {"tenant": cast.globex.pk, "user": cast.vera.pk, "role": "admin"})
        assert not Membership.objects.filter(tenant=cast.globex, user=cast.vera).exists()

    def test_tenants_are_never_deleted(self, cast: Cast, as_root: Client) -> None:
        assert as_root.get(reverse("admin:accounts_tenant_delete", args=[cast.acme.pk])).status_code == 403

    def test_users_show_their_memberships(self, cast: Cast, as_root: Client) -> None:
        assert "acme: author" in as_root.get("/admin/auth/user/").content.decode()
        page = as_root.get(reverse("admin:auth_user_change", args=[cast.ana.pk])).content.decode()
        assert "Memberships: what this user may do" in page
