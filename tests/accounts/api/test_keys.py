"""`/api/v1/keys`: nobody makes a key that opens more than they may, and its text is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from accounts import keys, tokens
from accounts.audit.models import AuditEntry
from accounts.grants import SYSTEM
from accounts.keys import changes
from accounts.models import ApiKey, IdempotencyRecord, Membership
from accounts.scopes import Role, Scope
from tests.cast import ApiClient, Cast, ClientOf, MakeKey, secret_of
from tests.services import NO_REDIS

pytestmark = pytest.mark.django_db

PATH = "/api/v1/keys"
NEW = {"name": "Importer", "scopes": ["scheduler:read"]}


@pytest.fixture
def by_key(client_of: ClientOf, make_key: MakeKey) -> ApiClient:
    return client_of(make_key()[1])


@pytest.fixture
def ada(cast: Cast) -> User:
    """An administrator of acme."""
    user = User.objects.create_user("ada", password="ada")
    Membership.objects.create(tenant=cast.acme, user=user, role=Role.ADMIN)
    return user


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def good(text: str) -> bool:
    try:
        keys.recognise(text, now=timezone.now())
    except keys.UnknownKey:
        return False
    return True


class TestVersions:
    def test_a_key_is_not_renamed_over_another_name(self, by_key: ApiClient, make_key: MakeKey) -> None:
        path = f"{PATH}/{make_key()[0].pk}"
        tag = by_key.get(path).headers["ETag"]
        assert by_key.send("PATCH", path, {"name": "Theirs"}, **{"If-Match": tag}).status_code == 200
        assert refusal(by_key.send("PATCH", path, {"name": "Mine"}, **{"If-Match": tag})) == (
            412,
            "precondition_failed",
        )
        assert by_key.get(path).json()["name"] == "Theirs"


class TestCreate:
    def test_shows_the_text_once_and_keeps_it_nowhere(self, by_key: ApiClient) -> None:
        answer = by_key.send("POST", PATH, NEW, **{"Idempotency-Key": "first"})
        text = answer.json()["key"]
        assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
        assert keys.recognise(text, now=timezone.now()).scopes == ["scheduler:read"]
        again = by_key.send("POST", PATH, NEW, **{"Idempotency-Key": "first"})
        assert refusal(again) == (409, "done_before")
        assert again.headers["Location"] == answer.headers["Location"]
        shown = [by_key.get(path).content.decode() for path in (PATH, answer.headers["Location"])]
        stored = [str(list(model.objects.values_list())) for model in (ApiKey, IdempotencyRecord, AuditEntry)]
        for place in (*shown, *stored):
            assert secret_of(text) not in place
        assert ApiKey.objects.filter(name="Importer").count() == 1

    def test_gives_no_scope_that_the_caller_does_not_hold_there(
        self, cast: Cast, ada: User, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        Membership.objects.create(tenant=cast.globex, user=ada, role=Role.VIEWER)
        narrow = client_of(make_key(Scope.KEYS_WRITE, Scope.SCHEDULER_READ)[1])
        by_token = client_of(tokens.start(ada, scopes=[Scope.KEYS_WRITE, Scope.SCHEDULER_READ]).access)
        wider = {**NEW, "scopes": ["scheduler:read", "scheduler:write"]}
        for caller in (narrow, by_token):
            answer = caller.send("POST", PATH, {**wider, "tenant": "acme"})
            assert refusal(answer) == (403, "more_than_held")
            assert "scheduler:write" in answer.json()["error"]["message"]
            assert caller.send("POST", PATH, {**NEW, "tenant": "acme"}).status_code == 201
        by_session = client_of(ada)
        assert by_session.send("POST", PATH, {**wider, "tenant": "acme"}).status_code == 201
        assert refusal(by_session.send("POST", PATH, {**wider, "tenant": "globex"})) == (403, "missing_scope")

    def test_makes_no_key_that_outlives_the_one_that_makes_it(self, client_of: ClientOf, make_key: MakeKey) -> None:
        end = timezone.now() + timedelta(days=1)
        mortal = client_of(make_key(expires_at=end)[1])
        for expires_at in (None, (end + timedelta(seconds=1)).isoformat()):
            answer = mortal.send("POST", PATH, {**NEW, "expires_at": expires_at})
            assert refusal(answer) == (400, "invalid")
            assert "itself expires" in answer.json()["error"]["fields"]["expires_at"][0]
        assert mortal.send("POST", PATH, {**NEW, "expires_at": end.isoformat()}).status_code == 201

    def test_makes_internal_keys_for_superusers_only(self, cast: Cast, client_of: ClientOf, by_key: ApiClient) -> None:
        body = {**NEW, "internal": True, "tenant": "acme"}
        assert refusal(by_key.send("POST", PATH, body)) == (403, "more_than_held")
        made = client_of(cast.root).send("POST", PATH, body)
        assert (made.status_code, made.json()["internal"], made.json()["created_by"]) == (201, True, "root")

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"name": ""}, "name"),
            ({"name": " \t"}, "name"),
            ({"name": "a\x07b"}, "name"),
            ({"name": "x" * 201}, "name"),
            ({"name": 7}, "name"),
            ({"scopes": []}, "scopes"),
            ({"scopes": ["everything"]}, "scopes"),
            ({"scopes": "scheduler:read"}, "scopes"),
            ({"scopes": None}, "scopes"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "tomorrow"}, "expires_at"),
            ({"internal": "true"}, "internal"),
            ({"prefix": "00000000"}, "prefix"),
        ],
    )
    def test_names_what_is_wrong(self, by_key: ApiClient, change: dict[str, Any], path: str) -> None:
        answer = by_key.send("POST", PATH, {**NEW, **change})
        assert refusal(answer) == (400, "invalid")
        assert path in {
            found.split("[")[0] if path == "scopes" else found for found in answer.json()["error"]["fields"]
        }

    def test_is_refused_while_requests_cannot_be_counted(
        self, cast: Cast, by_key: ApiClient, client_of: ClientOf, make_key: MakeKey, settings: Any
    ) -> None:
        key, text = make_key()
        settings.CELERY_BROKER_URL = NO_REDIS
        for answer in (
            by_key.send("POST", PATH, NEW),
            client_of(cast.root).send("POST", PATH, {**NEW, "tenant": "acme"}),
            by_key.send("POST", f"{PATH}/{key.pk}/rotate", {}),
        ):
            assert refusal(answer) == (503, "rate_limiter_unavailable")
            assert answer.headers["Retry-After"]
        assert good(text)
        assert by_key.delete(f"{PATH}/{key.pk}").status_code == 204
        assert not good(text)

    def test_stops_at_as_many_as_a_tenant_can_have(
        self, cast: Cast, by_key: ApiClient, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(changes, "MOST_KEYS", 2)
        make_key(revoked=True)
        make_key(expires_at=timezone.now() - timedelta(days=1))
        assert by_key.send("POST", PATH, NEW).status_code == 201
        assert refusal(by_key.send("POST", PATH, NEW)) == (409, "too_many_keys")


class TestRotate:
    def rotate(self, client: ApiClient, key: ApiKey, **body: Any) -> Any:
        return client.send("POST", f"{PATH}/{key.pk}/rotate", body)

    def test_keeps_the_old_key_good_for_the_overlap(self, by_key: ApiClient, make_key: MakeKey) -> None:
        key, text = make_key(Scope.SCHEDULER_READ)
        answer = self.rotate(by_key, key, overlap_seconds=3_600)
        made = answer.json()
        assert (answer.status_code, made["rotated_from"], made["scopes"]) == (201, key.pk, ["scheduler:read"])
        assert good(text)
        assert good(made["key"])
        with pytest.raises(keys.UnknownKey, match="expired"):
            keys.recognise(text, now=timezone.now() + timedelta(seconds=3_601))
        assert by_key.get(f"{PATH}/{key.pk}").json()["replaced_by"] == made["id"]

    def test_ends_the_old_key_at_once_unless_told(self, by_key: ApiClient, make_key: MakeKey) -> None:
        key, text = make_key()
        assert good(text)
        made = self.rotate(by_key, key).json()
        assert (good(text), good(made["key"])) == (False, True)
        assert by_key.get(f"{PATH}/{key.pk}").json()["state"] == "expired"

    def test_never_lengthens_the_life_of_the_old_key(self, by_key: ApiClient, make_key: MakeKey) -> None:
        end = timezone.now() + timedelta(minutes=5)
        key, _ = make_key(expires_at=end)
        self.rotate(by_key, key, overlap_seconds=86_400)
        key.refresh_from_db()
        assert key.expires_at == end

    def test_gives_the_new_key_as_long_a_life(self, by_key: ApiClient, make_key: MakeKey) -> None:
        key, _ = make_key(expires_at=timezone.now() + timedelta(days=90))
        made = ApiKey.objects.get(pk=self.rotate(by_key, key).json()["id"])
        assert made.expires_at is not None
        assert abs(made.expires_at - timezone.now() - timedelta(days=90)) < timedelta(minutes=1)
        immortal, _ = make_key()
        assert self.rotate(by_key, immortal).json()["expires_at"] is None

    def test_gives_nobody_more_than_they_hold(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        narrow = client_of(make_key(Scope.KEYS_WRITE)[1])
        wide, text = make_key()
        assert refusal(self.rotate(narrow, wide, overlap_seconds=60)) == (403, "more_than_held")
        internal, _ = keys.create(tenant=cast.acme, name="a", scopes=[Scope.KEYS_WRITE], is_internal=True, by=SYSTEM)
        assert refusal(self.rotate(narrow, internal)) == (403, "more_than_held")
        assert good(text)

    def test_does_not_let_a_key_outlive_itself(self, client_of: ClientOf, make_key: MakeKey) -> None:
        end = timezone.now() + timedelta(days=1)
        key, text = make_key(expires_at=end)
        made = self.rotate(client_of(text), key, overlap_seconds=60).json()
        assert ApiKey.objects.get(pk=made["id"]).expires_at == end
        later = (end + timedelta(days=1)).isoformat()
        again = self.rotate(client_of(made["key"]), ApiKey.objects.get(pk=made["id"]), expires_at=later)
        assert refusal(again) == (400, "invalid")

    def test_is_done_once_to_a_good_key(self, by_key: ApiClient, make_key: MakeKey) -> None:
        key, _ = make_key()
        self.rotate(by_key, key, overlap_seconds=60)
        assert refusal(self.rotate(by_key, key)) == (409, "already_replaced")
        assert refusal(self.rotate(by_key, make_key(revoked=True)[0])) == (409, "key_is_dead")

    @pytest.mark.parametrize("overlap", [-1, 604_801, "60", 1.5, True, None])
    def test_bounds_the_overlap(self, by_key: ApiClient, make_key: MakeKey, overlap: Any) -> None:
        key, text = make_key()
        assert refusal(self.rotate(by_key, key, overlap_seconds=overlap)) == (400, "invalid")
        assert good(text)


class TestRevoke:
    def test_can_be_sent_again(self, by_key: ApiClient, make_key: MakeKey) -> None:
        key, text = make_key()
        for _ in range(2):
            assert by_key.delete(f"{PATH}/{key.pk}").status_code == 204
        assert not good(text)
        shown = by_key.get(f"{PATH}/{key.pk}").json()
        assert (shown["state"], shown["revoked_by"][:4]) == ("revoked", "key:")
        assert AuditEntry.objects.filter(action="key.revoked").count() == 1

    def test_ends_the_key_that_asks_for_it(self, client_of: ClientOf, make_key: MakeKey) -> None:
        key, text = make_key()
        client = client_of(text)
        assert client.delete(f"{PATH}/{key.pk}").status_code == 204
        assert client.get(PATH).status_code == 401


class TestRead:
    def test_narrows_the_list_down(self, by_key: ApiClient, make_key: MakeKey) -> None:
        revoked, _ = make_key(revoked=True)
        expired, _ = make_key(expires_at=timezone.now() - timedelta(days=1))
        for state, found in (("revoked", [revoked.pk]), ("expired", [expired.pk])):
            rows = by_key.get(f"{PATH}?state={state}").json()["results"]
            assert [(row["id"], row["state"]) for row in rows] == [(pk, state) for pk in found]
        assert by_key.get(f"{PATH}?state=good").json()["total_count"] == 1
        assert by_key.get(f"{PATH}?tenant=globex").json()["total_count"] == 0

    def test_asks_as_often_for_many_as_for_one(
        self, by_key: ApiClient, make_key: MakeKey, django_assert_num_queries: Any
    ) -> None:
        by_key.get(PATH)
        with django_assert_num_queries(1):
            by_key.get(PATH)
        for _ in range(5):
            self_made, _ = make_key()
            keys.rotate(self_made.pk, by=SYSTEM)
        by_key.get(PATH)
        with django_assert_num_queries(1):
            assert by_key.get(PATH).json()["total_count"] == 11


class TestTrail:
    def test_has_every_change_with_who_made_it(self, cast: Cast, ada: User, client_of: ClientOf) -> None:
        client = client_of(ada)
        made = client.send("POST", PATH, {**NEW, "tenant": "acme"}).json()
        client.send("PATCH", f"{PATH}/{made['id']}", {"name": "Exporter"})
        client.send("POST", f"{PATH}/{made['id']}/rotate", {})
        client.delete(f"{PATH}/{made['id']}")
        entries = AuditEntry.objects.filter(target="key").order_by("id")
        assert [entry.action for entry in entries] == [
            *("key.created", "key.renamed", "key.created", "key.rotated", "key.revoked"),
        ]
        assert {(entry.actor, entry.tenant_id, entry.via) for entry in entries} == {("user:ada", cast.acme.pk, "api")}
