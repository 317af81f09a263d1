"""`/api/v1/members`, `/api/v1/tenants` and `/api/v1/me`: who belongs where, and who may change that."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections

from accounts import members, tokens
from accounts.audit.models import AuditEntry
from accounts.grants import Giver
from accounts.models import Membership, Tenant
from accounts.scopes import ROLE_SCOPES, Role, Scope
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db

MEMBERS, TENANTS, ME = "/api/v1/members", "/api/v1/tenants", "/api/v1/me"


@pytest.fixture
def ada(cast: Cast) -> User:
    """The one administrator of acme."""
    user = User.objects.create_user("ada", password="ada")
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.ADMIN)
    return user


@pytest.fixture
def by_ada(ada: User, client_of: ClientOf) -> ApiClient:
    return client_of(ada)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def member(user: User, tenant: Tenant | None = None) -> str:
    found = Membership.objects.filter(user=user, **({"tenant": tenant} if tenant else {})).get()
    return f"{MEMBERS}/{found.pk}"


class TestMembers:
    def test_are_not_changed_over_what_somebody_else_has_changed(self, cast: Cast, by_ada: ApiClient) -> None:
        path = member(cast.vera)
        tag = by_ada.get(path).headers["ETag"]
        assert by_ada.send("PATCH", path, {"role": "operator"}, **{"If-Match": tag}).status_code == 200
        assert refusal(by_ada.send("PATCH", path, {"role": "author"}, **{"If-Match": tag})) == (
            412,
            "precondition_failed",
        )
        assert refusal(by_ada.send("DELETE", path, **{"If-Match": tag})) == (412, "precondition_failed")
        assert Membership.objects.get(user=cast.vera).role == Role.OPERATOR

    def test_are_added_changed_and_removed(self, cast: Cast, by_ada: ApiClient) -> None:
        noor = User.objects.create_user("noor")
        made = by_ada.send("POST", MEMBERS, {"user": "noor", "role": "viewer"})
        assert (made.status_code, made.json()["scopes"]) == (201, sorted(ROLE_SCOPES[Role.VIEWER]))
        changed = by_ada.send("PATCH", made.headers["Location"], {"role": "author"})
        assert (changed.status_code, changed.json()["role"]) == (200, "author")
        assert by_ada.get(f"{MEMBERS}?role=author").json()["total_count"] == 2
        assert by_ada.delete(made.headers["Location"]).status_code == 204
        assert not Membership.objects.filter(user=noor).exists()
        entries = AuditEntry.objects.filter(target="member").order_by("id")
        assert [(entry.action, entry.actor, entry.target_name) for entry in entries] == [
            (f"member.{what}", "user:ada", "noor") for what in ("added", "changed", "removed")
        ]

    def test_are_people_who_can_sign_in_and_are_none_yet(self, cast: Cast, by_ada: ApiClient) -> None:
        User.objects.create_user("off", is_active=False)
        for name in ("nobody", "off", "vera", ""):
            answer = by_ada.send("POST", MEMBERS, {"user": name, "role": "viewer"})
            assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["user"]), name

    def test_get_no_role_above_that_of_whoever_gives_it(
        self, cast: Cast, ada: User, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        User.objects.create_user("noor")
        narrow = {Scope.TENANT_READ, Scope.TENANT_WRITE, *ROLE_SCOPES[Role.OPERATOR]}
        for caller in (client_of(make_key(*narrow)[1]), client_of(tokens.start(ada, scopes=narrow).access)):
            for method, path, body in (
                ("POST", MEMBERS, {"user": "noor", "role": "author"}),
                ("PATCH", member(cast.vera), {"role": "admin"}),
                ("PATCH", member(cast.ana), {"role": "viewer"}),
                ("DELETE", member(cast.ana), None),
                ("DELETE", member(ada), None),
            ):
                assert refusal(caller.send(method, path, body)) == (403, "more_than_held"), (method, path)
            assert caller.send("PATCH", member(cast.vera), {"role": "operator"}).status_code == 200

    def test_keep_their_last_administrator(
        self, cast: Cast, ada: User, by_ada: ApiClient, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        for caller in (by_ada, client_of(make_key()[1])):
            assert refusal(caller.delete(member(ada))) == (409, "last_administrator")
            assert refusal(caller.send("PATCH", member(ada), {"role": "author"})) == (409, "last_administrator")
        gone = User.objects.create_user("gone", is_active=False)
        Membership.objects.create(tenant=cast.acme, user=gone, role=Role.ADMIN)
        assert refusal(by_ada.delete(member(ada))) == (409, "last_administrator")
        assert by_ada.send("PATCH", member(cast.ana), {"role": "admin"}).status_code == 200
        assert by_ada.delete(member(ada)).status_code == 204
        assert client_of(cast.root).delete(member(cast.ana)).status_code == 204

    def test_lose_what_they_held_at_once(self, cast: Cast, by_ada: ApiClient, client_of: ClientOf) -> None:
        access = client_of(tokens.start(cast.vera).access)
        assert access.get("/api/v1/jobs").status_code == 200
        by_ada.delete(member(cast.vera))
        for caller in (access, client_of(cast.vera)):
            assert refusal(caller.get("/api/v1/jobs")) == (403, "missing_scope")


@pytest.mark.django_db(transaction=True)
def test_two_administrators_do_not_remove_each_other_at_the_same_time(cast: Cast, ada: User) -> None:
    other = User.objects.create_user("other")
    Membership.objects.create(tenant=cast.acme, user=other, role=Role.ADMIN)
    outcomes: list[str] = []

    def remove(whom: User) -> None:
        row = Membership.objects.get(user=whom)
        by = Giver("user:x", ROLE_SCOPES[Role.ADMIN])
        try:
            members.remove(row.pk, by=by)
            outcomes.append("removed")
        except members.LastAdministrator:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=remove, args=(whom,)) for whom in (ada, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["refused", "removed"]


class TestTenants:
    @pytest.mark.usefixtures("default_tenant")
    def test_are_listed_to_their_members(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        limited = tokens.start(cast.root, tenant=cast.globex).access
        for caller, slugs in (
            (cast.vera, ["acme"]),
            (make_key(Scope.TASK_READ)[1], ["acme"]),
            (limited, ["globex"]),
            (cast.root, ["acme", "default", "globex"]),
            (User.objects.create_user("stranger"), []),
        ):
            answer = client_of(caller).get(TENANTS).json()
            assert [row["slug"] for row in answer["results"]] == slugs

    def test_are_made_renamed_and_deactivated_by_superusers(
        self, cast: Cast, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        root = client_of(tokens.start(cast.root).access)
        made = root.send("POST", TENANTS, {"slug": "initech", "name": "Initech"})
        assert made.status_code == 201
        path = made.headers["Location"]
        _, text = make_key(tenant=Tenant.objects.get(slug="initech"))
        client = client_of(text)
        assert client.get(ME).status_code == 200
        changed = root.send("PATCH", path, {"name": "Initrode", "active": False})
        assert (changed.json()["name"], changed.json()["active"]) == ("Initrode", False)
        assert client.get(ME).status_code == 401
        root.send("PATCH", path, {"active": True})
        assert client.get(ME).status_code == 200
        actions = list(AuditEntry.objects.filter(target="tenant").order_by("id").values_list("action", flat=True))
        assert actions == ["tenant.created", "tenant.changed", "tenant.changed"]

    @pytest.mark.parametrize("slug", ["", "Acme", "acme", "-a", "a-", "a_b", "a/b", "a" * 64, "ä", "a\n", 7, None])
    def test_have_a_slug_of_their_own(self, cast: Cast, client_of: ClientOf, slug: Any) -> None:
        answer = client_of(cast.root).send("POST", TENANTS, {"slug": slug, "name": "X"})
        assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["slug"])

    def test_are_closed_to_narrowed_superusers(self, cast: Cast, client_of: ClientOf) -> None:
        narrowed = tokens.start(cast.root, scopes=[Scope.TENANT_WRITE]).access
        answer = client_of(narrowed).send("POST", TENANTS, {"slug": "initech", "name": "X"})
        assert refusal(answer) == (403, "superuser_only")


class TestMe:
    def test_tells_callers_who_they_are(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        key, text = make_key(Scope.TASK_READ)
        by_key = client_of(text).get(ME).json()
        assert by_key == {
            "actor": f"key:{key.prefix}",
            "credential": "key",
            "expires_at": None,
            "is_superuser": False,
            "user": None,
            "key": {"id": key.pk, "name": "a program", "prefix": key.prefix},
            "tenants": [
                {"id": cast.acme.pk, "slug": "acme", "name": "Acme", "role": None, "scopes": ["task:read"]},
            ],
        }
        by_session = client_of(cast.olaf).get(ME).json()
        assert (by_session["credential"], by_session["user"], by_session["expires_at"]) == ("session", "olaf", None)
        assert by_session["tenants"][0]["role"] == "operator"
        access = tokens.start(cast.root, scopes=[Scope.TASK_READ], tenant=cast.globex)
        by_token = client_of(access.access).get(ME).json()
        assert (by_token["credential"], by_token["is_superuser"]) == ("token", False)
        assert by_token["expires_at"] == access.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert [(row["slug"], row["scopes"]) for row in by_token["tenants"]] == [("globex", ["task:read"])]

    def test_is_the_same_whichever_header_has_the_key(self, cast: Cast, make_key: MakeKey) -> None:
        _, text = make_key()
        by_header = ApiClient(headers={"X-API-Key": text}).get(ME).json()
        assert by_header == ApiClient(headers={"Authorization": f"bearer  {text}"}).get(ME).json()
