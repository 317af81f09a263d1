"""Rules through the API: made, changed, put back, and every wrong value named."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import tokens
from accounts.models import Tenant
from notifications.models import Channel, Rule
from notifications.rulebook import changes, preferences
from notifications.rulebook.changes import Editor
from tests.cast import ApiClient, Cast, ClientOf
from tests.jobs.api.conftest import MakeJob, job_of

pytestmark = pytest.mark.django_db

__all__ = ["job_of"]

RULES = "/api/v1/notification-rules"
DEFAULT = f"{RULES}/default"
PREFERENCES = "/api/v1/notification-preferences"
NIGHTS = {"name": "Nights", "kinds": ["recovered", "failed"], "tag": "night", "users": ["olaf"]}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "\x00"}, "name"),
    ({"name": "x" * 101}, "name"),
    ({"colour": "red"}, "colour"),
    ({"enabled": 1}, "enabled"),
    ({"job": True}, "job"),
    ({"job": 987654321}, "job"),
    ({"tag": 7}, "tag"),
    ({"tag": "x" * 51}, "tag"),
    ({"kinds": []}, "kinds"),
    ({"kinds": ["failed", "burnt"]}, "kinds"),
    ({"kinds": [["failed"]]}, "kinds"),
    ({"kinds": ["circuit"]}, "kinds"),
    ({"in_row": 0}, "in_row"),
    ({"in_row": 1.5}, "in_row"),
    ({"only_changes": "yes"}, "only_changes"),
    ({"severity": "awful"}, "severity"),
    ({"severity": ["error"]}, "severity"),
    ({"to_owner": False}, "users"),
    ({"users": "olaf"}, "users"),
    ({"users": ["gita"]}, "users[0]"),
    ({"users": ["olaf", 7]}, "users[1]"),
    ({"users": ["olaf"] * 51}, "users"),
    ({"channels": [0]}, "channels[0]"),
    ({"channels": [987654321]}, "channels[0]"),
    ({"channels": [True]}, "channels[0]"),
    ({"group_minutes": -1}, "group_minutes"),
    ({"daily_cap": 0}, "daily_cap"),
    ({"quiet_passes": None}, "quiet_passes"),
    ({"quiet_hours": "night"}, "quiet_hours"),
    ({"quiet_hours": {"from": "22:00"}}, "quiet_hours.until"),
    ({"quiet_hours": {"from": "24:00", "until": "07:00"}}, "quiet_hours.from"),
    ({"quiet_hours": {"from": "07:00", "until": "07:00"}}, "quiet_hours.until"),
    ({"zone": "Moon"}, "zone"),
    ({"zone": None}, "zone"),
    ({"quiet_hours": {"from": "22:00", "until": "07:00", "days": 3}}, "quiet_hours.days"),
]


@pytest.fixture
def ana(cast: Cast, client_of: ClientOf) -> ApiClient:
    return client_of(cast.ana)


def fields_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 400, answer.content
    return dict(answer.json()["error"]["fields"])


class TestDefault:
    def test_is_there_before_anybody_has_written_it(self, ana: ApiClient) -> None:
        (listed,) = ana.get(RULES).json()["results"]
        assert (listed["id"], listed["is_default"], listed["to_owner"]) == (None, True, True)
        assert listed["kinds"] == ["failed", "recovered", "missed"]
        assert ana.get(DEFAULT).json() == listed

    def test_is_changed_and_put_back(self, ana: ApiClient, cast: Cast) -> None:
        before = ana.get(DEFAULT)
        changed = ana.send("PATCH", DEFAULT, {"in_row": 3, "users": ["olaf"]})
        assert (changed.json()["in_row"], changed.json()["users"], changed.json()["to_owner"]) == (3, ["olaf"], True)
        (listed,) = ana.get(RULES).json()["results"]
        assert listed["id"] == Rule.objects.get().pk
        late = ana.send("PATCH", DEFAULT, {"in_row": 4}, **{"If-Match": before.headers["ETag"]})
        assert late.status_code == 412
        fresh = ana.send("PATCH", DEFAULT, {"in_row": 5}, **{"If-Match": changed.headers["ETag"]})
        assert fresh.json()["in_row"] == 5
        assert ana.send("DELETE", DEFAULT).status_code == 204
        assert ana.get(DEFAULT).json() == before.json()
        assert ana.send("DELETE", DEFAULT).status_code == 204  # it is put back already

    def test_stays_one_of_all_jobs(self, ana: ApiClient, job_of: MakeJob) -> None:
        assert "tag" in fields_of(ana.send("PUT", DEFAULT, {"name": "Mine", "tag": "night"}))
        assert "job" in fields_of(ana.send("PATCH", DEFAULT, {"job": job_of().pk}))
        assert not Rule.objects.exists()


class TestRules:
    def test_are_made_replaced_changed_and_deleted(self, ana: ApiClient, cast: Cast, job_of: MakeJob) -> None:
        quiet = {"from": "22:00", "until": "07:00"}
        channel = Channel.objects.create(tenant=cast.acme, name="Ops", kind="slack")
        made = ana.send(
            "POST", RULES, {**NIGHTS, "quiet_hours": quiet, "channels": [channel.pk], "severity": "critical"}
        )
        assert made.status_code == 201, made.content
        rule = made.json()
        assert rule["kinds"] == ["failed", "recovered"]
        assert (rule["quiet_hours"], rule["users"], rule["channels"]) == (quiet, ["olaf"], [channel.pk])
        path = f"{RULES}/{rule['id']}"
        assert made.headers["Location"] == path
        assert ana.get(path).json() == rule
        changed = ana.send("PATCH", path, {"in_row": 4, "quiet_hours": None, "severity": None})
        assert (changed.json()["in_row"], changed.json()["quiet_hours"], changed.json()["severity"]) == (4, None, None)
        assert changed.json()["users"] == ["olaf"]
        replaced = ana.send("PUT", path, {"name": "Nights", "job": job_of().pk})
        assert (replaced.json()["in_row"], replaced.json()["users"], replaced.json()["tag"]) == (1, [], "")
        assert ana.send("DELETE", path).status_code == 204
        assert ana.get(path).status_code == 404

    def test_are_found_by_what_they_are_about(self, ana: ApiClient, cast: Cast, job_of: MakeJob) -> None:
        job = job_of()
        for data in (NIGHTS, {"name": "One", "job": job.pk, "kinds": ["slow"]}, {"name": "Off", "enabled": False}):
            changes.create(data, tenant=cast.acme, by=Editor("user:ana"))
        default = "Owners hear of failures, recoveries and missed ticks"
        for query, names in (
            ("", [default, "Nights", "Off", "One"]),
            ("?tag=night", ["Nights"]),
            (f"?job={job.pk}", ["One"]),
            ("?kind=missed", [default]),
            ("?enabled=false", ["Off"]),
            ("?limit=2&offset=1", ["Nights", "Off"]),
            ("?tenant=globex", []),
        ):
            assert [rule["name"] for rule in ana.get(RULES + query).json()["results"]] == names, query

    def test_are_walked_by_cursors_with_built_in_defaults_in_their_places(
        self, cast: Cast, client_of: ClientOf
    ) -> None:
        names = ("Zebra", "apple", "Middle", "Middle")
        for tenant in (cast.acme, cast.globex):
            for name in names:
                changes.create({"name": name}, tenant=tenant, by=Editor("user:root"))
        changes.change_default({"name": "Not built in"}, tenant=cast.globex, by=Editor("user:root"))
        Tenant.objects.create(name="Without a rule", slug="bare")
        root = client_of(cast.root)
        everything = root.get(f"{RULES}?limit=200").json()
        assert (everything["total_count"], everything["next_cursor"]) == (Tenant.objects.count() + 8, None)
        expected = [(rule["tenant"], rule["is_default"], rule["id"]) for rule in everything["results"]]
        assert [one for one in expected if one[1]] == [
            (tenant.slug, True, Rule.objects.get(is_default=True).pk if tenant == cast.globex else None)
            for tenant in Tenant.objects.order_by("pk")
        ]
        assert [is_default for tenant, is_default, _ in expected if tenant == "acme"] == [True, *[False] * len(names)]
        walked, cursor = [], ""
        with CaptureQueriesContext(connection) as asked:
            while cursor is not None:
                page = root.get(f"{RULES}?limit=3{cursor and '&cursor='}{cursor}").json()
                assert page["has_more"] is (page["next_cursor"] is not None)
                walked += [(rule["tenant"], rule["is_default"], rule["id"]) for rule in page["results"]]
                cursor = page["next_cursor"]
        assert walked == expected
        read = [
            one["sql"] for one in asked if '"notification_rules"' in one["sql"] and "count(" not in one["sql"].lower()
        ]
        assert all("LIMIT" in one for one in read), "no page reads all rules"
        for offset in range(1, len(expected), 4):
            page = root.get(f"{RULES}?limit=4&offset={offset}").json()["results"]
            assert [rule["id"] for rule in page] == [one[2] for one in expected[offset : offset + 4]]

    def test_name_every_wrong_value_by_its_path(self, ana: ApiClient) -> None:
        assert list(fields_of(ana.send("POST", RULES, {}))) == ["name"]
        for data, path in WRONG:
            assert list(fields_of(ana.send("POST", RULES, {"name": "Nights", **data}))) == [path], data
        assert not Rule.objects.exists()

    def test_name_nothing_of_other_tenants(self, ana: ApiClient, cast: Cast, job_of: MakeJob) -> None:
        theirs = Channel.objects.create(tenant=cast.globex, name="Theirs", kind="slack")
        problems = fields_of(
            ana.send(
                "POST", RULES, {"name": "x", "job": job_of(cast.globex).pk, "channels": [theirs.pk], "users": ["gita"]}
            )
        )
        assert set(problems) == {"job", "channels[0]", "users[0]"}

    def test_are_about_a_job_or_a_tag(self, ana: ApiClient, job_of: MakeJob) -> None:
        assert "tag" in fields_of(ana.send("POST", RULES, {**NIGHTS, "job": job_of().pk}))

    def test_of_the_system_are_written_by_superusers_and_switched_by_anybody(
        self, ana: ApiClient, cast: Cast, client_of: ClientOf
    ) -> None:
        root = client_of(cast.root)
        made = root.send("POST", RULES, {"name": "Ops", "kinds": ["worker", "failed"], "tenant": "acme"})
        path = f"{RULES}/{made.json()['id']}"
        assert ana.send("PATCH", path, {"enabled": False}).json()["enabled"] is False
        assert "kinds" in fields_of(ana.send("PATCH", path, {"users": ["ana"]}))
        assert ana.send("PATCH", path, {"kinds": ["failed"]}).json()["kinds"] == ["failed"]

    def test_that_could_never_tell_what_they_ask_for_are_refused(
        self, cast: Cast, client_of: ClientOf, job_of: MakeJob
    ) -> None:
        root = client_of(cast.root)
        told = {"name": "Ops", "tenant": "acme", "to_everyone": True}
        for data, path, words in (
            ({"kinds": ["circuit", "failed"], "tag": "night"}, "kinds", "leave out the tag"),
            ({"kinds": ["scheduler"], "job": job_of().pk}, "kinds", "leave out the job"),
            (
                {"kinds": ["circuit", "scheduler"], "to_everyone": False},
                "users",
                "choose everyone, people or a channel",
            ),
        ):
            [found] = fields_of(root.send("POST", RULES, {**told, **data})).items()
            assert found[0] == path
            assert words in found[1][0]
        lost = {"kinds": ["worker"], "tag": "night"}  # a run of such a job may lose its process
        assert root.send("POST", RULES, {**told, **lost}).status_code == 201
        Rule.objects.update(kinds=["circuit"])
        path = f"{RULES}/{Rule.objects.get().pk}"
        assert root.send("PATCH", path, {"enabled": False}).status_code == 200
        assert fields_of(root.send("PATCH", path, {"name": "Other"}))["kinds"]

    def test_are_bounded(self, ana: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(changes, "MOST_PER_TENANT", 1)
        assert ana.send("POST", RULES, NIGHTS).status_code == 201
        refused = ana.send("POST", RULES, NIGHTS)
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many_rules")


class TestPreferences:
    def test_are_each_persons_own(self, ana: ApiClient, cast: Cast, client_of: ClientOf, job_of: MakeJob) -> None:
        job, theirs = job_of(), job_of(cast.globex)
        first = {"toasts_from": "warning", "on_desktop": False, "muted_jobs": [], "zone": "UTC", "quiet_hours": None}
        assert ana.get(PREFERENCES).json() == first
        quiet = {"from": "20:00", "until": "06:30"}
        wanted = {"toasts_from": "error", "on_desktop": True, "muted_jobs": [job.pk], "zone": "Asia/Tokyo"}
        wanted |= {"quiet_hours": quiet}
        assert ana.send("PUT", PREFERENCES, wanted).json() == wanted
        assert client_of(cast.olaf).get(PREFERENCES).json() == first
        assert ana.send("PATCH", PREFERENCES, {"quiet_hours": None}).json() == {**wanted, "quiet_hours": None}
        assert preferences.mute(cast.ana, job.pk, actor="user:ana", is_muted=False).muted_jobs == ()
        for data, path in (
            ({"toasts_from": "loud"}, "toasts_from"),
            ({"on_desktop": 1}, "on_desktop"),
            ({"muted_jobs": [theirs.pk]}, "muted_jobs[0]"),
            ({"muted_jobs": ["x"]}, "muted_jobs[0]"),
            ({"muted_jobs": 7}, "muted_jobs"),
            ({"quiet_hours": {}}, "quiet_hours.from"),
            ({"zone": "Moon"}, "zone"),
            ({"colour": "red"}, "colour"),
        ):
            assert path in fields_of(ana.send("PATCH", PREFERENCES, data))
        assert ana.send("PUT", PREFERENCES, {}).json() == first

    def test_are_not_for_keys(self, client_of: ClientOf, make_key: Any) -> None:
        key = client_of(make_key()[1])
        assert key.get(PREFERENCES).json()["toasts_from"] == "warning"
        assert key.send("PUT", PREFERENCES, {}).status_code == 403

    def test_are_changed_by_who_is_signed_in_and_by_tokens_that_may_write(
        self, cast: Cast, client_of: ClientOf
    ) -> None:
        by = {
            scope: client_of(tokens.start(cast.ana, scopes=["notifications:read", scope], tenant=cast.acme).access)
            for scope in ("notifications:read", "notifications:write")
        }
        for method in ("PUT", "PATCH"):
            refused = by["notifications:read"].send(method, PREFERENCES, {"toasts_from": "critical"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "missing_scope")
        assert by["notifications:read"].get(PREFERENCES).json()["toasts_from"] == "warning"
        changed = by["notifications:write"].send("PATCH", PREFERENCES, {"toasts_from": "critical"})
        assert changed.json()["toasts_from"] == "critical"
        assert client_of(cast.vera).send("PATCH", PREFERENCES, {"on_desktop": True}).status_code == 200
