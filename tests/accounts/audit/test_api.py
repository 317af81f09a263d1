"""The trail by the API: narrowed, sampled, exported, by tenant; and the calls on record."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient
from django.utils import timezone

from accounts.audit import Outcome, record
from accounts.models import AuditEntry
from accounts.scopes import Scope
from scheduler_project.lib import sql
from tests.cast import ApiClient, Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db

PATH = "/api/v1/audit"


@pytest.fixture
def auditor(cast: Cast, client_of: ClientOf, make_key: MakeKey) -> ApiClient:
    """With a trail of acme, of globex and of the system. The key's own entry is in it too."""
    client = client_of(make_key(Scope.AUDIT_READ)[1])
    for number in range(3):
        after = {"name": f"Job {number}"}
        kept = {"tenant_id": cast.acme.pk, "target": "job", "target_id": number, "target_name": f"Job {number}"}
        record("job.created", actor="user:ana", after=after, **kept)
    record("job.run", actor="user:olaf", note="By hand", outcome=Outcome.REFUSED, **kept)
    record("job.created", actor="user:gita", tenant_id=cast.globex.pk, target="job", target_name="=SUM(A1)")
    record("maintenance.started", actor="user:root", tenant_id=None, target="maintenance", note="@night")
    return client


def actions(client: ApiClient, query: str) -> list[str]:
    answer = client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.content
    return [entry["action"] for entry in answer.json()["results"]]


class TestList:
    def test_shows_a_tenant_its_own_and_superusers_everything(
        self, auditor: ApiClient, cast: Cast, client_of: ClientOf
    ) -> None:
        mine = {entry["tenant"] for entry in auditor.get(PATH).json()["results"]}
        assert mine == {"acme"}
        all_of_it = client_of(cast.root).get(f"{PATH}?limit=200").json()["results"]
        assert {entry["tenant"] for entry in all_of_it} == {"acme", "globex", None}

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("actor=user:olaf", ["job.run"]),
            ("action=job.created", ["job.created"] * 3),
            ("action=job.", ["job.run", *["job.created"] * 3]),
            ("target=job&target_id=2", ["job.run", "job.created"]),
            ("outcome=refused", ["job.run"]),
            ("q=by hand", ["job.run"]),
            ("tenant=globex", []),
            ("since=2999-01-01T00:00:00Z", []),
            ("until=2001-01-01T00:00:00Z", []),
        ],
    )
    def test_can_be_narrowed(self, auditor: ApiClient, query: str, found: list[str]) -> None:
        assert actions(auditor, query) == found

    def test_goes_back_by_id(self, auditor: ApiClient) -> None:
        first = auditor.get(f"{PATH}?limit=2").json()
        assert first["has_more"]
        rest = auditor.get(f"{PATH}?before={first['results'][-1]['id']}").json()["results"]
        ids = [entry["id"] for entry in (*first["results"], *rest)]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == AuditEntry.objects.filter(tenant__slug="acme").count()

    @pytest.mark.parametrize(
        "query",
        ["outcome=odd", "since=soon", "before=0", "nothing=1", "until=2020-01-01T00:00Z&since=2021-01-01T00:00Z"],
    )
    def test_refuses_what_it_does_not_understand(self, auditor: ApiClient, query: str) -> None:
        assert auditor.get(f"{PATH}?{query}").status_code == 400

    def test_is_closed_without_the_scope(self, cast: Cast, client_of: ClientOf) -> None:
        assert client_of(cast.ana).get(PATH).json()["error"]["code"] == "missing_scope"


class TestEntry:
    def test_shows_what_was_and_what_is(self, auditor: ApiClient) -> None:
        entry = AuditEntry.objects.get(action="job.created", target_id="2")
        shown = auditor.get(f"{PATH}/{entry.pk}").json()
        assert (shown["changes"], shown["target_name"]) == ({"name": [None, "Job 2"]}, "Job 2")

    def test_of_another_tenant_is_refused_and_of_none_unknown(self, auditor: ApiClient) -> None:
        foreign = AuditEntry.objects.get(actor="user:gita")
        assert auditor.get(f"{PATH}/{foreign.pk}").status_code == 403
        assert auditor.get(f"{PATH}/{AuditEntry.objects.get(actor='user:root').pk}").status_code == 404


class TestSample:
    def test_draws_so_many_at_random(self, auditor: ApiClient) -> None:
        drawn = {
            tuple(entry["id"] for entry in auditor.get(f"{PATH}/sample?size=2&action=job.").json()["results"])
            for _ in range(30)
        }
        assert {len(ids) for ids in drawn} == {2}
        assert len(drawn) > 1

    def test_is_bounded(self, auditor: ApiClient) -> None:
        assert auditor.get(f"{PATH}/sample?size=201").status_code == 400


class TestExport:
    def test_writes_csv_that_no_spreadsheet_runs(self, auditor: ApiClient, cast: Cast, client_of: ClientOf) -> None:
        answer = client_of(cast.root).get(f"{PATH}/export")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
        rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
        assert [row["id"] for row in rows] == [
            str(pk) for pk in AuditEntry.objects.order_by("id").values_list("pk", flat=True)
        ]
        assert {row["target_name"] for row in rows} >= {"'=SUM(A1)", "Job 1"}
        assert {row["note"] for row in rows} >= {"'@night"}
        assert json.loads(rows[-3]["changes"]) == {}

    def test_writes_lines_of_json_of_the_own_tenant(self, auditor: ApiClient) -> None:
        answer = auditor.get(f"{PATH}/export?format=jsonl&action=job.created", headers={"Accept": "text/csv"})
        lines = [json.loads(line) for line in answer.getvalue().decode().splitlines()]
        assert [line["tenant"] for line in lines] == ["acme"] * 3
        assert lines[2]["changes"] == {"name": [None, "Job 2"]}

    def test_is_bounded(self, auditor: ApiClient) -> None:
        since = (timezone.now() - timedelta(days=367)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = auditor.get(f"{PATH}/export?since={since}")
        assert answer.json()["error"]["fields"] == {
            "since": ["Export at most 366 days at once; write a later instant."]
        }


@pytest.mark.django_db(transaction=True)
def test_an_export_leaves_piece_by_piece_where_the_server_is_asynchronous(
    auditor: ApiClient, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.audit.reading.PIECE", 2)
    text = make_key(Scope.AUDIT_READ)[1]

    async def download() -> list[bytes]:
        answer: Any = await AsyncClient().get(f"{PATH}/export", headers={"Authorization": f"Bearer {text}"})
        assert answer.is_async
        found = [piece async for piece in answer.streaming_content]
        await sync_to_async(connections.close_all)()  # the test client has kept Django from it
        return found

    pieces = asyncio.run(download())
    assert len(pieces) == 1 + 3  # the heading, and six entries by twos


class TestSeal:
    def test_tells_how_far_it_is_and_its_head(self, auditor: ApiClient) -> None:
        before = auditor.get(f"{PATH}/seal").json()
        assert (before["seals"], before["sealed_at"]) == (0, None)
        assert before["waiting"] == AuditEntry.objects.count()


class TestRequests:
    def test_are_shown_by_tenant_and_narrowed(self, auditor: ApiClient, cast: Cast, client_of: ClientOf) -> None:
        calls = ((cast.acme, 200, 3.5), (cast.acme, 404, 900), (cast.globex, 200, 1), (None, 401, 1))
        for tenant, status, took in calls:
            values = {"tenant": tenant and tenant.pk, "status": status, "took": took}
            sql.rows(
                """
                INSERT INTO api_requests (number, at, method, route, path, status, milliseconds, tenant_id, principal)
                VALUES (gen_random_uuid(), now(), 'GET', 'job-list', '/x', %(status)s, %(took)s, %(tenant)s, 'key:x')
                """,
                values,
            )
        path = "/api/v1/requests"
        assert [row["status"] for row in auditor.get(path).json()["results"]] == [404, 200]
        assert [row["status"] for row in auditor.get(f"{path}?least_milliseconds=100").json()["results"]] == [404]
        assert auditor.get(f"{path}?status=200&method=GET&route=job-list&principal=key:x").json()["total_count"] == 1
        assert client_of(cast.root).get(path).json()["total_count"] == 4
