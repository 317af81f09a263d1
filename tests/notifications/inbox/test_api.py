"""`/api/v1/notifications`: whom one may tell, what one finds, and that reading is one's own business."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from accounts import tokens
from accounts.models import AuditEntry
from notifications.models import Notification, NotificationTotal
from tests import policy_servers
from tests.cast import ApiClient, Cast, ClientOf, MakeKey
from tests.notifications.inbox.conftest import Told

pytestmark = pytest.mark.django_db

PATH = "/api/v1/notifications"
BODY = {
    "title": "The backup is done",
    "type": "backup.done",
    "severity": "success",
    "body": "12 GB\nin 4 minutes",
    "meta": {"path": "/admin/jobs/job/5/change/", "size": 12},
}


def answered(response: Any, status: int = 200) -> Any:
    assert response.status_code == status, response.content
    return response.json()


def errors(response: Any, status: int = 400) -> Any:
    return answered(response, status)["error"]["fields"]


@pytest.fixture
def ana(cast: Cast, client_of: ClientOf) -> ApiClient:
    return client_of(cast.ana)


class TestCreate:
    def test_tells_a_member_or_all_of_them(self, cast: Cast, ana: ApiClient, client_of: ClientOf) -> None:
        response = ana.send("POST", PATH, {**BODY, "user": "olaf", "ttl_seconds": 3600})
        made = answered(response, 201)
        assert response.headers["Location"] == f"{PATH}/{made['id']}"
        assert {name: made[name] for name in BODY} == BODY
        assert (made["tenant"], made["tenant_id"], made["user"], made["user_id"]) == (
            "acme",
            cast.acme.pk,
            "olaf",
            cast.olaf.pk,
        )
        assert (made["count"], made["read_at"]) == (1, None)
        kept = datetime.fromisoformat(made["ttl_at"]) - datetime.fromisoformat(made["created_at"])
        assert kept == timedelta(hours=1)
        everybody = answered(ana.send("POST", PATH, {"title": "Maintenance at ten"}), 201)
        assert (everybody["user"], everybody["type"], everybody["severity"]) == (None, "note", "info")
        listed = {
            who: [row["id"] for row in answered(client_of(getattr(cast, who)).get(PATH))["results"]]
            for who in ("ana", "olaf", "vera", "gita")
        }
        assert listed == {
            "ana": [everybody["id"]],
            "olaf": [everybody["id"], made["id"]],
            "vera": [everybody["id"]],
            "gita": [],
        }
        entry = AuditEntry.objects.get(action="notification.created", target_name=BODY["title"])
        assert (entry.actor, entry.tenant_id) == ("user:ana", cast.acme.pk)
        assert {(total.type, total.severity, total.count) for total in NotificationTotal.objects.all()} == {
            ("backup.done", "success", 1),
            ("note", "info", 1),
        }

    def test_counts_what_has_a_group(self, cast: Cast, ana: ApiClient) -> None:
        first, second = (answered(ana.send("POST", PATH, {**BODY, "group": "backups"}), 201) for _ in range(2))
        assert (first["id"], first["count"], second["count"]) == (second["id"], 1, 2)
        ana.send("POST", f"{PATH}/{first['id']}/read")
        assert answered(ana.send("POST", PATH, {**BODY, "group": "backups"}), 201)["id"] != first["id"]

    def test_does_it_once_for_a_key(self, ana: ApiClient) -> None:
        one, two = (answered(ana.send("POST", PATH, BODY, **{"Idempotency-Key": "backup-7"}), 201) for _ in range(2))
        assert one == two
        assert Notification.objects.count() == 1

    @pytest.mark.parametrize(
        ("wrong", "path"),
        [
            ({"title": ""}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"title": "two\nlines"}, "title"),
            ({"title": "\u202eturned"}, "title"),
            ({"title": 5}, "title"),
            ({"body": "x" * 5_001}, "body"),
            ({"body": "\x1b[31mred"}, "body"),
            ({"type": "has space"}, "type"),
            ({"type": "x" * 61}, "type"),
            ({"severity": "loud"}, "severity"),
            ({"meta": []}, "meta"),
            ({"meta": {"much": "x" * 9_000}}, "meta"),
            ({"meta": {"nul": "\x00"}}, "meta.nul"),
            ({"meta": {"half": "\ud800"}}, "meta.half"),
            ({"meta": {"path": "javascript:alert(1)"}}, "meta"),
            ({"meta": {"path": "//evil.example"}}, "meta"),
            ({"meta": {"path": "/\t/evil.example"}}, "meta"),
            ({"meta": {"path": 5}}, "meta"),
            ({"ttl_seconds": 59}, "ttl_seconds"),
            ({"ttl_seconds": 365 * 86_400 + 1}, "ttl_seconds"),
            ({"ttl_at": "2020-01-01T00:00:00Z"}, "ttl_at"),
            ({"ttl_at": "2999-01-01T00:00:00Z"}, "ttl_at"),
            ({"ttl_seconds": 60, "ttl_at": "2999-01-01T00:00:00Z"}, "ttl_at"),
            ({"user": "gita"}, "user"),
            ({"user": "nobody"}, "user"),
            ({"user_id": 987_654}, "user_id"),
            ({"user": "olaf", "user_id": 1}, "user_id"),
            ({"group": "x" * 101}, "group"),
            ({"read_at": None}, "read_at"),
        ],
    )
    def test_refuses_what_cannot_be(self, ana: ApiClient, wrong: dict[str, Any], path: str) -> None:
        assert path in errors(ana.send("POST", PATH, {**BODY, **wrong}))
        assert not Notification.objects.exists()

    def test_takes_an_end_and_a_member_by_number(self, cast: Cast, ana: ApiClient) -> None:
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
        body = {**BODY, "user_id": cast.olaf.pk, "ttl_at": until.isoformat()}
        made = answered(ana.send("POST", PATH, body), 201)
        assert made["user"] == "olaf"
        assert abs(datetime.fromisoformat(made["ttl_at"]) - until) < timedelta(seconds=1)

    def test_needs_the_scope_in_the_tenant(self, cast: Cast, client_of: ClientOf, make_key: MakeKey) -> None:
        vera, gita = client_of(cast.vera), client_of(cast.gita)
        assert answered(vera.send("POST", PATH, BODY), 403)["error"]["code"] == "missing_scope"
        foreign = gita.send("POST", PATH, {**BODY, "tenant": "acme"})
        assert answered(foreign, 403)["error"]["code"] == "other_tenant"
        key = client_of(make_key("notifications:write")[1])
        assert answered(key.send("POST", PATH, BODY), 201)["tenant"] == "acme"

    def test_asks_the_policy(self, ana: ApiClient, cast: Cast) -> None:
        with policy_servers.serve() as policy, override_settings(DAYBOOK_POLICY_URL=policy.url):
            answered(ana.send("POST", PATH, {**BODY, "tenant": "acme"}), 201)
            asked = policy.asked[-1]
            assert (asked["principal"], asked["action"], asked["tenant"]) == ("user:ana", "create", "acme")
            assert asked["body"]["severity"] == "success"
            policy.behaviour = policy_servers.result({"allow": False, "reason": "Only backups at night."})
            refused = answered(ana.send("POST", PATH, BODY), 403)["error"]
            assert refused["code"] == "policy_denied"
            assert "Only backups at night." in refused["message"]
            count = len(policy.asked)
            answered(ana.get(PATH))
            assert len(policy.asked) == count
        assert Notification.objects.count() == 1


class TestRead:
    def test_shows_pages_with_an_exact_end(self, cast: Cast, ana: ApiClient, told: Told) -> None:
        pks = told(*({"user_id": None if number % 2 else cast.ana.pk} for number in range(7)))
        pks.reverse()
        page = answered(ana.get(f"{PATH}?limit=3"))
        assert ([row["id"] for row in page["results"]], page["has_more"], page["total_count"]) == (pks[:3], True, 7)
        rest = answered(ana.get(f"{PATH}?limit=3&offset=4"))
        assert ([row["id"] for row in rest["results"]], rest["has_more"], rest["total_count"]) == (pks[4:], False, 7)
        found, cursor = list(pks[:3]), page["next_cursor"]
        told({})  # what comes meanwhile moves nothing
        while cursor:
            page = answered(ana.get(f"{PATH}?limit=3&cursor={cursor}"))
            found += [row["id"] for row in page["results"]]
            cursor = page["next_cursor"]
        assert found == pks
        assert answered(ana.get(f"{PATH}?offset=99"))["results"] == []
        assert set(answered(ana.get(f"{PATH}?fields=id,title"))["results"][0]) == {"id", "title"}

    def test_is_narrowed_by_the_query(self, ana: ApiClient, told: Told) -> None:
        error, note = told({"meta": {"job": {"id": 5}}}, {"severity": "info", "type": "note", "title": "Done"})
        answered(ana.send("POST", f"{PATH}/{note}/read"))
        cases = {
            "unread=true": [error],
            "unread=false": [note],
            "severity=error": [error],
            "type=note": [note],
            "job=5": [error],
            "q=don": [note],
            "tenant=acme": [note, error],
            "since=2999-01-01T00:00:00Z": [],
            "until=2020-01-01T00:00:00Z": [],
        }
        found = {query: [row["id"] for row in answered(ana.get(f"{PATH}?{query}"))["results"]] for query in cases}
        assert found == cases
        for query in ("severity=loud", "unread=maybe", "since=yesterday", "job=x", "who=me"):
            assert errors(ana.get(f"{PATH}?{query}"))

    def test_counts_what_is_unread(self, ana: ApiClient, told: Told, client_of: ClientOf, make_key: MakeKey) -> None:
        told({}, {}, {"user_id": None})
        found = answered(ana.get(f"{PATH}/unread"))
        assert found["unread"] == 3
        assert int(found["seq"]) > 0
        assert answered(client_of(make_key("notifications:read")[1]).get(f"{PATH}/unread"))["unread"] == 1

    def test_of_others_there_is_none(
        self, cast: Cast, told: Told, client_of: ClientOf, ana: ApiClient, make_key: MakeKey
    ) -> None:
        own, everybody = told({}, {"user_id": None})
        vera, gita, root = client_of(cast.vera), client_of(cast.gita), client_of(cast.root)
        key = client_of(make_key(tenant=cast.globex)[1])
        assert answered(ana.get(f"{PATH}/{own}"))["user"] == "ana"
        for client in (vera, gita, root, key):
            for method, path in (("GET", f"{PATH}/{own}"), ("POST", f"{PATH}/{own}/read")):
                assert answered(client.send(method, path), 404)["error"]["code"] == "not_found"
        for client in (gita, key):
            for method, path in (("GET", f"{PATH}/{everybody}"), ("POST", f"{PATH}/{everybody}/read")):
                assert answered(client.send(method, path), 403)["error"]["code"] == "other_tenant"
        assert answered(root.get(f"{PATH}/{everybody}"))["tenant"] == "acme"
        assert answered(ana.get(f"{PATH}/987654"), 404)
        assert answered(ana.get(f"{PATH}/unread"))["unread"] == 2


class TestMarking:
    def test_is_for_oneself(self, cast: Cast, told: Told, ana: ApiClient, client_of: ClientOf) -> None:
        own, everybody, note = told({}, {"user_id": None}, {"severity": "info"})
        vera = client_of(cast.vera)
        first = answered(ana.send("POST", f"{PATH}/{everybody}/read"))
        assert first["read_at"] is not None
        assert answered(ana.send("POST", f"{PATH}/{everybody}/read"))["read_at"] == first["read_at"]
        assert answered(vera.get(f"{PATH}/{everybody}"))["read_at"] is None
        assert answered(ana.send("POST", f"{PATH}/read?severity=error")) == {"count": 1}
        assert answered(ana.get(f"{PATH}/{own}"))["read_at"] is not None
        assert answered(ana.send("DELETE", f"{PATH}/clear?severity=critical")) == {"count": 0}
        assert answered(ana.send("DELETE", f"{PATH}/clear")) == {"count": 2}
        assert [row["id"] for row in answered(ana.get(PATH))["results"]] == [note]
        assert answered(ana.get(f"{PATH}/{everybody}"), 404)
        assert answered(ana.send("DELETE", f"{PATH}/clear?which=all&type=job.failed")) == {"count": 1}
        assert answered(ana.send("POST", f"{PATH}/read")) == {"count": 0}
        assert [row["id"] for row in answered(vera.get(PATH))["results"]] == [everybody]
        assert answered(vera.send("POST", f"{PATH}/read")) == {"count": 1}

    def test_is_of_the_named_ones_alone(self, cast: Cast, told: Told, ana: ApiClient) -> None:
        first, second, third = told({}, {"user_id": None}, {})
        (foreign,) = told({"user_id": cast.vera.pk})
        assert answered(ana.send("POST", f"{PATH}/read?ids={first},{foreign}")) == {"count": 1}
        assert answered(ana.get(f"{PATH}/unread"))["unread"] == 2
        found = answered(ana.get(f"{PATH}?ids={third}, {second},{foreign}"))["results"]
        assert {row["id"] for row in found} == {second, third}
        assert answered(ana.send("DELETE", f"{PATH}/clear?which=all&ids={second}")) == {"count": 1}
        assert {row["id"] for row in answered(ana.get(PATH))["results"]} == {first, third}
        for wrong in ("x", "1,,2", "-1", ",".join(map(str, range(1, 502)))):
            assert "at most 500 ids of notifications" in errors(ana.get(PATH, {"ids": wrong}))["ids"][0]

    def test_needs_the_scope_to_write_of_programs(
        self, cast: Cast, told: Told, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        (pk,) = told({"user_id": None})
        token = tokens.start(cast.ana, scopes=["notifications:read"], tenant=cast.acme).access
        for client in (client_of(make_key("notifications:read")[1]), client_of(token)):
            for method, path in (("POST", f"{pk}/read"), ("POST", "read"), ("DELETE", "clear")):
                assert answered(client.send(method, f"{PATH}/{path}"), 403)["error"]["code"] == "missing_scope"
        writes = client_of(make_key("notifications:write")[1])
        assert answered(writes.send("DELETE", f"{PATH}/clear?which=all")) == {"count": 1}

    def test_refuses_filters_that_it_does_not_know(self, ana: ApiClient) -> None:
        assert errors(ana.send("POST", f"{PATH}/read?unread=true"))
        assert errors(ana.send("POST", f"{PATH}/read", {"severity": "error"}))
        assert errors(ana.send("DELETE", f"{PATH}/clear?which=some"))
