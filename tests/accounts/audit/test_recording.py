"""Entries of the trail: what they hold, what they never hold, and that they stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import Error, transaction

from accounts.audit import Outcome, record
from accounts.models import AuditEntry
from scheduler_project.lib import origin, sql

REQUEST = origin.Origin("api", "203.0.113.9", "request-12345678", "POST", "/api/v1/jobs")


@pytest.fixture
def request_at_hand() -> Iterator[None]:
    token = origin.current.set(REQUEST)
    yield
    origin.current.reset(token)


def the_entry() -> AuditEntry:
    return AuditEntry.objects.get()


@pytest.mark.django_db
class TestRecord:
    def test_keeps_who_what_when_and_from_where(self, request_at_hand: None) -> None:
        record(
            "job.changed",
            actor="user:ana",
            tenant_id=7,
            target="job",
            target_id=12,
            target_name="Nightly",
            before={"name": "Nightly", "tags": ["a"], "policies": {"retries": 1, "jitter": 0}},
            after={"name": "Nightly", "tags": ["a", "b"], "policies": {"retries": 3, "jitter": 0}},
            note="More patience",
        )
        entry = the_entry()
        assert (entry.actor, entry.action, entry.tenant_id) == ("user:ana", "job.changed", 7)
        assert (entry.target, entry.target_id, entry.target_name) == ("job", "12", "Nightly")
        assert entry.changes == {"tags": [["a"], ["a", "b"]], "policies.retries": [1, 3]}
        assert (entry.outcome, entry.note) == ("done", "More patience")
        assert (entry.via, entry.address, entry.request_id) == ("api", "203.0.113.9", "request-12345678")
        assert (entry.method, entry.path) == ("POST", "/api/v1/jobs")
        assert entry.xid == sql.rows("SELECT pg_current_xact_id()::text::bigint AS xid")[0]["xid"]
        assert abs((entry.at - sql.now()).total_seconds()) < 5

    def test_masks_what_a_name_says_is_secret(self) -> None:
        before = {"password": "old-secret", "headers": {"Authorization": "Bearer abc", "Accept": "text/plain"}}
        after = {"password": "new-secret", "headers": {"Authorization": "Bearer xyz", "Accept": "text/html"}}
        record("x", actor="user:ana", tenant_id=None, target="x", before=before, after=after)
        assert the_entry().changes == {
            "password": ["***", "***"],
            "headers.Authorization": ["***", "***"],
            "headers.Accept": ["text/plain", "text/html"],
        }

    def test_masks_secrets_of_lists_and_of_what_is_new(self) -> None:
        after = {"channels": [{"url": "https://example.com", "api_key": "abc"}], "deep": {"token": "t", "n": 1}}
        record("x", actor="user:ana", tenant_id=None, target="x", after=after)
        assert the_entry().changes == {
            "channels": [None, [{"url": "https://example.com", "api_key": "***"}]],
            "deep": [None, {"token": "***", "n": 1}],
        }

    def test_says_nothing_of_what_stays_the_same(self) -> None:
        same = {"a": 1, "b": [1, 2], "c": {"d": None}}
        record("x", actor="user:ana", tenant_id=None, target="x", before=same, after=same)
        assert the_entry().changes == {}

    def test_takes_texts_that_no_database_holds(self) -> None:
        record(
            "x\u00e9",
            actor="user:\x00\udcff",
            tenant_id=None,
            target="x",
            target_name="n" * 500,
            after={"text": "a\x00b", "half": "\ud800", "long": "x" * 10_000, "backslash": "\\u0000"},
            note="\x00" * 10_000,
            outcome=Outcome.REFUSED,
        )
        changes = the_entry().changes
        assert changes["text"] == [None, "a\N{REPLACEMENT CHARACTER}b"]
        assert changes["backslash"] == [None, "\\u0000"]
        assert changes["long"][1].endswith("(10000 characters)")

    def test_goes_with_the_change_that_it_tells_of(self) -> None:
        with transaction.atomic():
            record("x", actor="user:ana", tenant_id=None, target="x")
            transaction.set_rollback(True)
        assert not AuditEntry.objects.exists()


@pytest.mark.django_db
class TestTrail:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_entries SET actor = 'user:nobody'",
            "DELETE FROM audit_entries",
            "TRUNCATE audit_entries",
            "TRUNCATE audit_entries_default",
            "UPDATE audit_seals SET count = 0",
            "TRUNCATE audit_seals",
            "TRUNCATE audit_digests",
        ],
    )
    def test_refuses_to_be_rewritten(self, statement: str) -> None:
        record("x", actor="user:ana", tenant_id=None, target="x")
        sql.rows("INSERT INTO audit_seals VALUES (1, 'entries', '2026-11-01', 1, 1, 1, 1, 1, 0, '', '', '', now())")
        with pytest.raises(Error, match="append-only"), transaction.atomic():
            sql.rows(statement)
        assert the_entry().actor == "user:ana"

    def test_refuses_it_in_each_partition(self) -> None:
        found = sql.rows("SELECT relid::text AS name FROM pg_partition_tree('audit_entries') WHERE isleaf")
        assert len(found) >= 4
        record("x", actor="user:ana", tenant_id=None, target="x")
        for row in found:
            with pytest.raises(Error, match="append-only"), transaction.atomic():
                sql.rows(f"TRUNCATE {row['name']}")
        holder = sql.rows("SELECT tableoid::regclass::text AS name FROM audit_entries")[0]["name"]
        assert holder != "audit_entries_default"
        for statement in (f"UPDATE {holder} SET note = 'x'", f"DELETE FROM {holder}"):
            with pytest.raises(Error, match="append-only"), transaction.atomic():
                sql.rows(statement)
