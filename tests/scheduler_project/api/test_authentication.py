"""Who calls: keys in either header, sessions with their CSRF token."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from accounts.models import Membership
from accounts.scopes import ROLE_SCOPES, Role, Scope
from scheduler_project.api import principal
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db

PATH = "/api/v1/scheduler/status"


class TestKeys:
    @pytest.mark.parametrize(
        "header", [("Authorization", "Bearer {}"), ("authorization", "bearer  {}"), ("X-API-Key", "{}")]
    )
    def test_open_from_either_header(self, make_key: MakeKey, header: tuple[str, str]) -> None:
        _, text = make_key()
        assert ApiClient().send("GET", PATH, **{header[0]: header[1].format(text)}).status_code == 200

    @pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Basic abc", "sch_live_x", ""])
    def test_are_asked_for_when_the_header_holds_none(self, value: str) -> None:
        answer = ApiClient().send("GET", PATH, Authorization=value)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_authenticated")

    @pytest.mark.parametrize("value", ["Bearer x", "Bearer sch_live_\xff", "Bearer a b c"])
    def test_are_refused_when_nobody_knows_them(self, value: str) -> None:
        answer = ApiClient().send("GET", PATH, Authorization=value)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "authentication_failed")

    def test_that_are_bad_are_not_saved_by_a_session(self, cast: Cast, client_of: ClientOf) -> None:
        assert client_of(cast.root).send("GET", PATH, Authorization="Bearer x").status_code == 401

    def test_need_no_csrf_token(self, make_key: MakeKey) -> None:
        client = ApiClient(enforce_csrf_checks=True, headers={"X-API-Key": make_key()[1]})
        body = {"schedule": {"kind": "manual"}}
        assert client.send("POST", "/api/v1/schedules/preview", body).status_code == 200

    def test_stop_at_once_when_they_are_revoked(self, make_key: MakeKey, client_of: ClientOf) -> None:
        key, text = make_key()
        client = client_of(text)
        assert client.get(PATH).status_code == 200
        key.revoked_at = key.created_at
        key.save()
        assert client.get(PATH).status_code == 401


class TestSessions:
    def change(self, client: ApiClient, **headers: str) -> Any:
        return client.send("POST", "/api/v1/schedules/preview", {"schedule": {"kind": "manual"}}, **headers)

    def test_need_a_csrf_token_for_what_is_not_a_read(self, cast: Cast) -> None:
        client = ApiClient(enforce_csrf_checks=True)
        client.force_login(cast.ana)
        assert client.get(PATH).status_code == 200
        refused = self.change(client)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
        assert "CSRF" in refused.json()["error"]["message"]
        token = "a" * 32
        client.cookies["csrftoken"] = token
        assert self.change(client, **{"X-CSRFToken": token}).status_code == 200

    def test_of_inactive_users_open_nothing(self, cast: Cast, client_of: ClientOf) -> None:
        client = client_of(cast.ana)
        User.objects.filter(pk=cast.ana.pk).update(is_active=False)
        assert client.get(PATH).status_code == 401


class TestPrincipal:
    def test_holds_what_the_role_amounts_to_in_each_tenant(self, cast: Cast) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.VIEWER)
        ana = principal.of_user(cast.ana)
        assert ana.label == "user:ana"
        assert ana.may(Scope.SCHEDULER_WRITE, cast.acme.pk)
        assert not ana.may(Scope.SCHEDULER_WRITE, cast.globex.pk)
        assert ana.tenant_ids(Scope.SCHEDULER_WRITE) == [cast.acme.pk]
        assert set(ana.tenant_ids(Scope.SCHEDULER_READ) or ()) == {cast.acme.pk, cast.globex.pk}
        assert ana.held == ROLE_SCOPES[Role.AUTHOR]

    def test_approves_by_a_permission_of_their_own_where_they_may_run(self, cast: Cast) -> None:
        assert not principal.of_user(cast.olaf).may(Scope.SCHEDULER_APPROVE, cast.acme.pk)
        Membership.objects.create(tenant=cast.globex, user=cast.olaf, role=Role.VIEWER)
        cast.olaf.user_permissions.add(Permission.objects.get(codename="approve_run"))
        olaf = principal.of_user(User.objects.get(pk=cast.olaf.pk))
        assert olaf.tenant_ids(Scope.SCHEDULER_APPROVE) == [cast.acme.pk]

    def test_loses_what_an_inactive_tenant_gave(self, cast: Cast) -> None:
        cast.acme.is_active = False
        cast.acme.save()
        assert principal.of_user(cast.ana).held == frozenset()

    def test_of_a_superuser_is_open_everywhere(self, cast: Cast) -> None:
        root = principal.of_user(cast.root)
        assert root.tenant_ids(Scope.SCHEDULER_RUN) is None
        assert root.may(Scope.SCHEDULER_RUN, cast.globex.pk)

    def test_of_a_key_is_its_tenant_and_its_scopes(self, cast: Cast, make_key: MakeKey) -> None:
        key, _ = make_key(Scope.SCHEDULER_RUN)
        program = principal.of_key(key)
        assert program.label == f"key:{key.prefix}"
        assert program.tenant_ids(Scope.SCHEDULER_RUN) == [cast.acme.pk]
        assert program.tenant_ids(Scope.SCHEDULER_READ) == []
