"""The record of requests: each call once, none of them written by the request itself, and bounded without Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.audit import retention
from accounts.models import ApiRequest, AuditEntry
from accounts.request_log import outbox, storing
from accounts.request_log.outbox import OUTBOX, STREAM, Outbox
from scheduler_project.lib import quick_redis, sql, telemetry
from scheduler_project.lib.quick_redis import RedisIsAway
from tests.cast import Cast, ClientOf, MakeKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outbox]:
    """The outbox of the requests of this test, emptied by hand into a stream of its own."""
    box = Outbox()
    monkeypatch.setattr(box._waiting, "_start", lambda: None)
    monkeypatch.setattr("accounts.request_log.middleware.OUTBOX", box)
    monkeypatch.setattr(outbox, "STREAM", f"{STREAM}:test")
    monkeypatch.setattr(storing, "STREAM", f"{STREAM}:test")
    quick_redis.ask(lambda client: client.delete(f"{STREAM}:test"))
    yield box
    quick_redis.ask(lambda client: client.delete(f"{STREAM}:test"))


class TestCalls:
    def test_are_on_record_with_who_what_and_how_it_went(
        self, still: Outbox, cast: Cast, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        key, text = make_key()
        client = client_of(text)
        client.get("/api/v1/jobs?limit=5&token=hidden&ticket=hidden", headers={"X-Request-ID": "request-1234"})
        client.get("/api/v1/jobs/987654321")
        client_of(cast.vera).get("/api/v1/jobs")
        client_of(cast.root).get("/api/v1/jobs")
        client.get("/admin/login/")
        assert still.hand_over() == 4
        assert storing.sweep() == 4
        first, missing, by_user, by_root = ApiRequest.objects.order_by("id")
        assert (first.method, first.route, first.status) == ("GET", "job-list", 400)
        assert first.path == "/api/v1/jobs?limit=5&token=***&ticket=***"
        assert (first.principal, first.tenant_id) == (f"key:{key.prefix}", cast.acme.pk)
        assert (first.address, first.request_id) == ("127.0.0.1", "request-1234")
        assert (first.bytes or 0) > 50
        assert first.milliseconds > 0
        assert abs((first.at - sql.now()).total_seconds()) < 60
        assert (missing.route, missing.status) == ("job-detail", 404)
        assert (by_user.principal, by_user.tenant_id) == ("user:vera", cast.acme.pk)
        assert (by_root.principal, by_root.tenant_id) == ("user:root", None)

    def test_are_stored_once_however_often_they_arrive(
        self, still: Outbox, client_of: ClientOf, make_key: MakeKey
    ) -> None:
        client_of(make_key()[1]).get("/api/v1/jobs")
        record = still._waiting._waiting[0]
        still.put(record)
        still.hand_over()
        assert storing.sweep() == 1
        still.put(record)  # after a leader that ended before it had emptied the stream
        still.hand_over()
        assert storing.sweep() == 0
        assert ApiRequest.objects.count() == 1
        assert quick_redis.ask(lambda client: client.xlen(f"{STREAM}:test")) == 0

    def test_pass_over_what_nobody_understands(self, still: Outbox, client_of: ClientOf, make_key: MakeKey) -> None:
        quick_redis.ask(lambda client: client.xadd(f"{STREAM}:test", {"r": "no json"}))
        quick_redis.ask(lambda client: client.xadd(f"{STREAM}:test", {"other": json.dumps({"kind": "request"})}))
        client_of(make_key()[1]).get("/api/v1/jobs")
        still.hand_over()
        assert storing.sweep() == 1

    def test_can_be_left_off_the_record(
        self, still: Outbox, client_of: ClientOf, make_key: MakeKey, settings: Settings
    ) -> None:
        settings.DAYBOOK_REQUEST_LOG_DAYS = 0
        client_of(make_key()[1]).get("/api/v1/jobs")
        assert still.hand_over() == 0

    def test_leave_by_a_thread_of_the_process(self) -> None:
        OUTBOX.put({"kind": "other"})
        thread = OUTBOX._waiting._thread
        assert thread is not None
        assert thread.is_alive()


class TestWithoutRedis:
    @pytest.fixture
    def told(self) -> Iterator[list[tuple[str, dict[str, object]]]]:
        heard: list[tuple[str, dict[str, object]]] = []

        def listener(event: str, fields: dict[str, object]) -> None:
            heard.append((event, fields))

        telemetry.listen(listener)
        yield heard
        telemetry._listeners.remove(listener)

    def test_waits_in_order_and_counts_what_there_is_no_room_for(
        self, still: Outbox, monkeypatch: pytest.MonkeyPatch, told: list[tuple[str, dict[str, object]]]
    ) -> None:
        def away(question: object) -> object:
            raise RedisIsAway

        monkeypatch.setattr(still._waiting, "_most", 3)
        with monkeypatch.context() as patch:
            patch.setattr(quick_redis, "ask", away)
            for number in range(5):
                still.put({"kind": "other", "number": number})
            for _ in range(2):
                with pytest.raises(RedisIsAway):
                    still.hand_over()
        assert [record["number"] for record in still._waiting._waiting] == [0, 1, 2]
        assert ("requests.dropped", {"count": 2}) in told
        assert still.hand_over() == 3

    def test_fills_redis_only_so_far(self, still: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outbox, "MOST_IN_REDIS", 2)
        for number in range(5):
            still.put({"kind": "other", "number": number})
        still.hand_over()
        assert quick_redis.ask(lambda client: client.xlen(f"{STREAM}:test")) == 2
        assert still._dropped == 3


class TestRetention:
    def test_makes_partitions_ahead_and_drops_old_days(self, settings: Settings) -> None:
        today = sql.now().date()
        sql.rows("SELECT daybook_make_request_partitions(%(since)s::date, 0)", {"since": today - timedelta(days=9)})
        sql.rows("SELECT daybook_make_request_partitions(%(since)s::date, 0)", {"since": today - timedelta(days=7)})
        retention.sweep()
        names = {
            row["name"]
            for row in sql.rows("SELECT relid::text AS name FROM pg_partition_tree('api_requests') WHERE isleaf")
        }
        assert f"api_requests_{today - timedelta(days=9):y%Ym%md%d}" not in names
        assert {f"api_requests_{today + timedelta(days=days):y%Ym%md%d}" for days in (-7, 0, 1, 2, 3)} <= names
        assert retention.sweep() == 0


@pytest.mark.django_db(transaction=True)
class TestRetentionOfTheTrail:
    @pytest.fixture(autouse=True)
    def _old_month(self) -> Iterator[None]:
        sql.rows("SELECT daybook_make_audit_partitions('2020-05-01', 0)")
        yield
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS audit_entries_y2020m05, audit_digests_y2020m05")

    def test_drops_a_month_that_is_sealed_and_the_chain_goes_on(self) -> None:
        from accounts.audit.sealing import sweep
        from accounts.audit.verifying import verify

        old = "INSERT INTO audit_entries (at, actor, action, target) VALUES ('2020-05-03T10:00Z', 'a', 'x', 'x')"
        sql.rows(old)
        assert retention.drop_months() == 0  # not sealed yet
        sweep()
        head = verify().head
        assert retention.drop_months() == 1
        assert sql.rows("SELECT to_regclass('audit_entries_y2020m05') AS t") == [{"t": None}]
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.actor) == ("audit.dropped", "system:retention")
        assert entry.changes == {"month": [None, "2020-05-01"], "entries": [None, 1]}
        sweep()
        verdict = verify(head=head)
        assert (verdict.findings, verdict.entries, verdict.dropped) == ([], 1, 1)
