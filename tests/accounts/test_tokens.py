"""Tokens of people: what they open, how they are renewed, and what ends them."""

from __future__ import annotations

import base64
import json
import threading
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import Permission, User
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts import memory, tokens
from accounts.grants import Excess
from accounts.models import Membership, SignIn
from accounts.scopes import ROLE_SCOPES, Role, Scope
from accounts.sign_in import leftovers
from accounts.tokens import UnknownToken, signing
from accounts.tokens.signing import AccessToken, RefreshToken
from tests.cast import Cast

pytestmark = pytest.mark.django_db


def secret() -> str:
    return str(signing._backend(("only-for-tests",)).signing_key)


def claims_of(text: str) -> dict[str, Any]:
    return jwt.decode(text, secret(), algorithms=["HS256"], audience="daybook-api", issuer="daybook")


class TestStart:
    def test_gives_what_the_roles_give_unless_told(self, cast: Cast) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.vera, role=Role.OPERATOR)
        opened = tokens.recognise(tokens.start(cast.vera).access)
        assert opened.label == "user:vera"
        assert opened.scopes == {
            cast.acme.pk: ROLE_SCOPES[Role.VIEWER],
            cast.globex.pk: ROLE_SCOPES[Role.OPERATOR],
        }
        assert not opened.is_superuser

    def test_gives_no_more_than_was_asked_for(self, cast: Cast) -> None:
        Membership.objects.create(tenant=cast.globex, user=cast.ana, role=Role.ADMIN)
        pair = tokens.start(cast.ana, scopes=[Scope.SCHEDULER_READ], tenant=cast.acme)
        assert (pair.scopes, pair.tenant) == (["scheduler:read"], "acme")
        assert tokens.recognise(pair.access).scopes == {cast.acme.pk: {"scheduler:read"}}

    def test_refuses_what_is_not_held(self, cast: Cast) -> None:
        with pytest.raises(Excess, match=r"does not hold scheduler:write in the tenant acme"):
            tokens.start(cast.vera, scopes=[Scope.SCHEDULER_READ, Scope.SCHEDULER_WRITE], tenant=cast.acme)
        with pytest.raises(Excess, match="holds nothing in the tenant globex"):
            tokens.start(cast.vera, tenant=cast.globex)
        with pytest.raises(Excess, match="holds nothing in any tenant"):
            tokens.start(User.objects.create_user("stranger"))
        assert not SignIn.objects.exists()

    def test_makes_a_superuser_of_one_who_asked_for_no_limit(self, cast: Cast) -> None:
        assert tokens.recognise(tokens.start(cast.root).access).is_superuser
        for limit in ({"scopes": [Scope.SCHEDULER_READ]}, {"tenant": cast.acme}):
            opened = tokens.recognise(tokens.start(cast.root, **limit).access)
            assert not opened.is_superuser
        assert opened.scopes == {cast.acme.pk: frozenset(Scope.values)}

    def test_says_in_the_token_what_it_is_for_and_nothing_secret(self, cast: Cast) -> None:
        pair = tokens.start(cast.ana, scopes=[Scope.SCHEDULER_READ], tenant=cast.acme)
        claims = claims_of(pair.access)
        assert claims["exp"] - claims["iat"] == 600
        assert (claims["sub"], claims["scopes"], claims["tenant"]) == (str(cast.ana.pk), ["scheduler:read"], "acme")
        assert set(claims) == {
            *("token_type", "exp", "iat", "jti", "sub", "sign_in", "scopes", "tenant", "aud", "iss"),
        }
        stored = " ".join(str(value) for value in SignIn.objects.values_list().get())
        for text in (pair.access, pair.refresh, cast.ana.password):
            assert text not in stored
            assert text.rpartition(".")[2] not in stored


class TestRecognise:
    def test_asks_once_and_then_not_again(self, cast: Cast, django_assert_max_num_queries: Any) -> None:
        access = tokens.start(cast.ana).access
        with django_assert_max_num_queries(4):
            tokens.recognise(access)
        with django_assert_max_num_queries(0):
            assert tokens.recognise(access).user == cast.ana

    def test_refuses_every_token_that_is_not_ours(self, cast: Cast) -> None:
        pair = tokens.start(cast.ana)
        claims = claims_of(pair.access)
        head, body, mark = pair.access.split(".")
        wider = base64.urlsafe_b64encode(json.dumps({**claims, "scopes": Scope.values}).encode()).decode().rstrip("=")
        no_algorithm = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")

        def without(name: str) -> dict[str, Any]:
            return {key: value for key, value in claims.items() if key != name}

        def signed(payload: dict[str, Any], key: str = "", algorithm: str = "HS256") -> str:
            return jwt.encode(payload, key or secret(), algorithm=algorithm)

        forged = {
            "another body": f"{head}.{wider}.{mark}",
            "no signature": f"{head}.{body}.",
            "no algorithm": f"{no_algorithm}.{body}.",
            "no algorithm, a mark": f"{no_algorithm}.{body}.{mark}",
            "another algorithm": signed(claims, algorithm="HS512"),
            "django's own key": signed(claims, "only-for-tests-only-for-tests-only-for-tests"),
            "another audience": signed({**claims, "aud": "another"}),
            "no audience": signed(without("aud")),
            "another issuer": signed({**claims, "iss": "another"}),
            "no issuer": signed(without("iss")),
            "no end": signed(without("exp")),
            "an end that is no number": signed({**claims, "exp": "later"}),
            "no id": signed(without("jti")),
            "no kind": signed(without("token_type")),
            "no sign-in": signed(without("sign_in")),
            "a sign-in that is none": signed({**claims, "sign_in": "' OR 1=1"}),
            "a number as its subject": signed({**claims, "sub": 1}),
            "huge": f"{head}.{'A' * 5_000}.{mark}",
            "three empty parts": "..",
            "strange characters": "🙂.\x00.\ud800",
        }
        for text in forged.values():
            with pytest.raises(UnknownToken, match=r"^This token is not known\.$"):
                tokens.recognise(text)
        ended = signed({**claims, "sign_in": "00000000-0000-4000-8000-000000000000"})
        with pytest.raises(UnknownToken, match="has ended"):
            tokens.recognise(ended)

    def test_says_which_of_a_pair_is_wanted(self, cast: Cast) -> None:
        pair = tokens.start(cast.ana)
        with pytest.raises(UnknownToken, match=r"^This is the refresh token of its pair; send the access token\.$"):
            tokens.recognise(pair.refresh)
        with pytest.raises(UnknownToken, match=r"^This is the access token of its pair; send the refresh token\.$"):
            tokens.refresh(pair.access)

    def test_refuses_one_that_has_expired(self, cast: Cast, settings: Any) -> None:
        settings.DAYBOOK_TOKEN_LIFE = timedelta(seconds=-1)
        access = tokens.start(cast.ana).access
        with pytest.raises(UnknownToken, match="has expired"):
            tokens.recognise(access)

    def test_reads_what_a_former_secret_key_has_signed(self, cast: Cast, settings: Any) -> None:
        pair = tokens.start(cast.ana)
        settings.SECRET_KEY = "a new one"
        with pytest.raises(UnknownToken, match="not known"):
            tokens.recognise(pair.access)
        settings.SECRET_KEY_FALLBACKS = ["only-for-tests"]
        assert tokens.recognise(pair.access).user == cast.ana
        renewed = tokens.refresh(pair.refresh)
        settings.SECRET_KEY_FALLBACKS = []
        assert tokens.recognise(renewed.access).user == cast.ana

    def test_follows_the_user_and_the_roles(self, cast: Cast) -> None:
        def change_password(user: User) -> None:
            user.set_password("another")
            user.save()

        def disable(user: User) -> None:
            user.is_active = False
            user.save()

        def leave(user: User) -> None:
            Membership.objects.get(user=user).delete()

        def come_down(user: User) -> None:
            member = Membership.objects.get(user=user)
            member.role = Role.VIEWER
            member.save()

        def lose_the_tenant(user: User) -> None:
            cast.globex.is_active = False
            cast.globex.save()

        access = {user: tokens.start(user).access for user in (cast.ana, cast.olaf, cast.vera, cast.gita)}
        ada = User.objects.create_user("ada", password="ada")
        Membership.objects.create(tenant=cast.acme, user=ada, role=Role.AUTHOR)
        access[ada] = tokens.start(ada).access
        for text in access.values():
            assert any(tokens.recognise(text).scopes.values())
        for change, user, words in ((change_password, cast.ana, "password"), (disable, cast.olaf, "no longer sign in")):
            change(user)
            with pytest.raises(UnknownToken, match=words):
                tokens.recognise(access[user])
        leave(cast.vera)
        assert tokens.recognise(access[cast.vera]).scopes == {}
        come_down(ada)
        assert tokens.recognise(access[ada]).scopes == {cast.acme.pk: ROLE_SCOPES[Role.VIEWER]}
        lose_the_tenant(cast.gita)
        assert tokens.recognise(access[cast.gita]).scopes == {}

    def test_opens_what_was_granted_in_person_until_it_is_taken_back(self, cast: Cast) -> None:
        may_approve = Permission.objects.get(content_type__app_label="jobs", codename="approve_run")
        cast.olaf.user_permissions.add(may_approve)
        user = User.objects.get(pk=cast.olaf.pk)
        access = tokens.start(user).access
        assert Scope.SCHEDULER_APPROVE in tokens.recognise(access).scopes[cast.acme.pk]
        cast.olaf.user_permissions.clear()
        assert Scope.SCHEDULER_APPROVE not in tokens.recognise(access).scopes[cast.acme.pk]

    def test_tells_what_it_last_opened_while_postgresql_is_away(self, cast: Cast) -> None:
        pair = tokens.start(cast.ana, scopes=[Scope.SCHEDULER_READ, Scope.SCHEDULER_WRITE])
        assert tokens.last_known(pair.access) is None
        tokens.recognise(pair.access)
        memory._forget_now()

        def fail(*_: Any) -> Any:
            raise OperationalError("the server is away")

        with connection.execute_wrapper(fail):
            last = tokens.last_known(pair.access)
        assert last is not None
        assert (last.label, last.scopes) == ("user:ana", {cast.acme.pk: {"scheduler:read", "scheduler:write"}})


class TestRefresh:
    def test_gives_the_next_pair_of_the_same_sign_in(self, cast: Cast) -> None:
        first = tokens.start(cast.ana, scopes=[Scope.SCHEDULER_READ], tenant=cast.acme)
        second = tokens.refresh(first.refresh)
        third = tokens.refresh(second.refresh)
        assert len({first.refresh, second.refresh, third.refresh}) == 3
        assert tokens.recognise(third.access).scopes == {cast.acme.pk: {"scheduler:read"}}
        assert tokens.recognise(first.access)
        assert SignIn.objects.count() == 1

    def test_ends_the_sign_in_when_a_token_comes_twice(self, cast: Cast) -> None:
        stolen = tokens.start(cast.ana)
        renewed = tokens.refresh(stolen.refresh)
        with pytest.raises(UnknownToken, match="used before"):
            tokens.refresh(stolen.refresh)
        for text in (stolen.access, renewed.access):
            with pytest.raises(UnknownToken, match="has ended"):
                tokens.recognise(text)
        with pytest.raises(UnknownToken, match="has ended"):
            tokens.refresh(renewed.refresh)
        assert SignIn.objects.get().end_reason == "reused"

    def test_is_refused_to_whoever_may_no_longer_sign_in(self, cast: Cast) -> None:
        pairs = [tokens.start(user) for user in (cast.ana, cast.olaf)]
        User.objects.filter(pk=cast.ana.pk).update(is_active=False)
        cast.olaf.set_password("another")
        cast.olaf.save()
        gone = tokens.start(cast.gita, tenant=cast.globex)
        cast.globex.is_active = False
        cast.globex.save()
        for pair in (*pairs, gone):
            with pytest.raises(UnknownToken, match="has ended"):
                tokens.refresh(pair.refresh)

    def test_asks_for_the_password_again_after_thirty_days(self, cast: Cast) -> None:
        pair = tokens.start(cast.ana)
        began = timezone.now() - timedelta(days=29, hours=12)
        SignIn.objects.update(created_at=began)
        last = tokens.refresh(pair.refresh)
        assert abs((last.refresh_expires_at - began) - timedelta(days=30)) < timedelta(seconds=2)
        SignIn.objects.update(created_at=began - timedelta(hours=12))
        with pytest.raises(UnknownToken, match="has ended"):
            tokens.refresh(last.refresh)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_with_one_refresh_token_no_two_get_a_pair(cast: Cast) -> None:
    refresh = tokens.start(cast.ana).refresh
    outcomes: list[str] = []

    def try_it() -> None:
        try:
            tokens.refresh(refresh)
            outcomes.append("renewed")
        except UnknownToken:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["refused"] * 3 + ["renewed"]
    assert SignIn.objects.get().end_reason == "reused"


class TestEnd:
    @pytest.mark.parametrize("kind", ["access", "refresh"])
    def test_leaves_nothing_of_the_sign_in_good(self, cast: Cast, kind: str) -> None:
        pair, other = tokens.start(cast.ana), tokens.start(cast.ana)
        tokens.recognise(pair.access)
        tokens.end(getattr(pair, kind))
        with pytest.raises(UnknownToken, match="has ended"):
            tokens.recognise(pair.access)
        with pytest.raises(UnknownToken, match="has ended"):
            tokens.refresh(pair.refresh)
        tokens.end(getattr(pair, kind))
        assert tokens.recognise(other.access)


class TestSweep:
    def test_forgets_sign_ins_a_day_after_they_could_be_refreshed(self, cast: Cast) -> None:
        for hours in (-25, -23, 1):
            tokens.start(cast.ana)
            newest = SignIn.objects.order_by("-created_at")[0]
            SignIn.objects.filter(pk=newest.pk).update(expires_at=timezone.now() + timedelta(hours=hours))
        assert leftovers.sweep() == 1
        assert leftovers.sweep() == 0
        assert SignIn.objects.count() == 2


def test_the_two_kinds_live_as_long_as_the_settings_say(settings: Any) -> None:
    settings.DAYBOOK_TOKEN_LIFE, settings.DAYBOOK_REFRESH_LIFE = timedelta(minutes=2), timedelta(hours=3)
    lives = [token["exp"] - token["iat"] for token in (AccessToken(), RefreshToken())]
    assert lives == [120, 10_800]
