"""Tenants, members and API keys in the admin."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.audit.models import AuditEntry
from accounts.models import ApiKey, Membership, Tenant
from accounts.scopes import Role, Scope
from tests.cast import Cast
from tests.services import NO_REDIS

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

    def test_names_scopes_as_refusals_do(self, as_admin: Client) -> None:
        page = as_admin.get(f"{KEYS}add/").content.decode()
        for scope in Scope:
            assert f"{scope.value}: " in page, scope

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


class TestCreateByOthers:
    def test_has_internal_keys_for_superusers_only(self, cast: Cast, as_admin: Client, as_root: Client) -> None:
        page, of_root = (client.get(f"{KEYS}add/").content.decode() for client in (as_admin, as_root))
        assert ('name="is_internal"' in page, 'name="is_internal"' in of_root) == (False, True)
        as_admin.post(f"{KEYS}add/", new_key(cast, is_internal="on", name="by the admin"))
        as_root.post(f"{KEYS}add/", new_key(cast, is_internal="on", name="by root"))
        assert dict(ApiKey.objects.values_list("name", "is_internal")) == {"by the admin": False, "by root": True}

    def test_is_refused_on_the_form_while_requests_cannot_be_counted(
        self, cast: Cast, as_admin: Client, settings: Any
    ) -> None:
        settings.CELERY_BROKER_URL = NO_REDIS
        page = as_admin.post(f"{KEYS}add/", new_key(cast))
        assert page.status_code == 200
        assert "Redis does not answer" in page.content.decode()
        assert not ApiKey.objects.exists()


class TestRotate:
    def test_shows_the_successor_once_and_links_the_two(self, cast: Cast, as_admin: Client) -> None:
        key, text = keys.create(tenant=cast.acme, name="a program", scopes=[Scope.TASK_READ])
        url = reverse("admin:accounts_apikey_rotate", args=[key.pk])
        assert as_admin.get(url).status_code == 405
        answer = as_admin.post(url, {"overlap": "hour"})
        found = re.search(r'value="(sch_live_[^"]+)"', answer.content.decode())
        assert found is not None
        assert "no-store" in answer.headers["Cache-Control"]
        now = timezone.now()
        new = keys.recognise(found[1], now=now)
        assert (new.rotated_from_id, new.scopes) == (key.pk, ["task:read"])
        assert keys.recognise(text, now=now)
        with pytest.raises(keys.UnknownKey, match="expired"):
            keys.recognise(text, now=now + timedelta(hours=1, seconds=1))
        for row, other in ((key, new), (new, key)):
            page = as_admin.get(reverse("admin:accounts_apikey_change", args=[row.pk])).content.decode()
            assert reverse("admin:accounts_apikey_change", args=[other.pk]) in page
            assert found[1] not in page
        again = as_admin.post(url, follow=True).content.decode()
        assert f"was replaced by {new.prefix}" in again
        assert AuditEntry.objects.filter(action="key.rotated", actor="user:adam", via="admin").count() == 1

    def test_never_reaches_another_tenants_key_or_an_internal_one(self, cast: Cast, as_admin: Client) -> None:
        theirs, _ = keys.create(tenant=cast.globex, name="theirs", scopes=[Scope.TASK_READ])
        assert as_admin.post(reverse("admin:accounts_apikey_rotate", args=[theirs.pk])).status_code == 403
        internal, _ = keys.create(tenant=cast.acme, name="ours", scopes=[Scope.TASK_READ], is_internal=True)
        answer = as_admin.post(reverse("admin:accounts_apikey_rotate", args=[internal.pk]), follow=True)
        assert "Only superusers make internal keys" in answer.content.decode()
        assert ApiKey.objects.count() == 2


class TestList:
    def test_tells_when_keys_were_used(self, cast: Cast, as_admin: Client) -> None:
        key, _ = keys.create(tenant=cast.acme, name="a program", scopes=[Scope.TASK_READ])
        assert "Never used" in as_admin.get(KEYS).content.decode()
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=timezone.now() - timedelta(minutes=3))
        assert "3 min ago" in as_admin.get(KEYS).content.decode()


class TestTenants:
    def test_are_changed_by_the_operations_that_everybody_uses(self, cast: Cast, as_root: Client) -> None:
        as_root.post("/admin/accounts/tenant/add/", {"name": "Initech", "slug": "initech", "is_active": "on"})
        made = Tenant.objects.get(slug="initech")
        change = reverse("admin:accounts_tenant_change", args=[made.pk])
        as_root.post(change, {"name": "Initrode", "slug": "other"})
        made.refresh_from_db()
        assert (made.name, made.slug, made.is_active) == ("Initrode", "initech", False)
        actions = list(AuditEntry.objects.filter(target="tenant").order_by("id").values_list("action", flat=True))
        assert actions == ["tenant.created", "tenant.changed"]
        taken = as_root.post("/admin/accounts/tenant/add/", {"name": "X", "slug": "initech"})
        assert "already exists" in taken.content.decode()


class TestMembers:
    def test_keep_their_last_administrator_and_tell_why(self, cast: Cast, as_admin: Client) -> None:
        adam = Membership.objects.get(user__username="adam")
        change = reverse("admin:accounts_membership_change", args=[adam.pk])
        everybody = list(Membership.objects.filter(tenant=cast.acme).values_list("pk", flat=True))
        chosen = {"action": "delete_selected", "_selected_action": everybody}
        for answer in (
            as_admin.post(change, {"role": "viewer"}, follow=True),
            as_admin.post(reverse("admin:accounts_membership_delete", args=[adam.pk]), {"post": "yes"}, follow=True),
            as_admin.post(MEMBERS, {**chosen, "post": "yes"}, follow=True),
        ):
            page = answer.content.decode()
            assert "is the last administrator of acme" in page
            assert "success" not in page
        adam.refresh_from_db()
        assert adam.role == Role.ADMIN
        assert Membership.objects.filter(tenant=cast.acme).count() == len(everybody)

    def test_are_audited_on_the_page_of_a_user_too(self, cast: Cast, as_root: Client) -> None:
        page = reverse("admin:auth_user_change", args=[cast.vera.pk])
        mine = Membership.objects.get(user=cast.vera)
        form = {
            "username": "vera", "is_active": "on", "date_joined_0": "2026-01-01", "date_joined_1": "00:00:00",
            "memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "1", "memberships-MIN_NUM_FORMS": "0",
            "memberships-MAX_NUM_FORMS": "1000", "memberships-0-id": mine.pk, "memberships-0-user": cast.vera.pk,
            "memberships-0-tenant": cast.acme.pk, "memberships-0-role": "operator", "memberships-1-id": "",
            "memberships-1-user": cast.vera.pk, "memberships-1-tenant": cast.globex.pk, "memberships-1-role": "viewer",
        }  # fmt: skip
        assert as_root.post(page, form).status_code == 302
        assert dict(Membership.objects.filter(user=cast.vera).values_list("tenant__slug", "role")) == {
            "acme": "operator",
            "globex": "viewer",
        }
        actions = set(AuditEntry.objects.filter(target="member").values_list("action", flat=True))
        assert actions == {"member.changed", "member.added"}

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
