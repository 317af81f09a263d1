"""Seals: every entry gets into one, nothing can be rewritten unnoticed, a restored database goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.audit import record
from accounts.audit.sealing import newest_seal, seal_some, sweep
from accounts.audit.verifying import verify
from accounts.models import AuditEntry, AuditSeal
from scheduler_project.lib import sql

pytestmark = pytest.mark.django_db(transaction=True)

MANY = """
INSERT INTO audit_entries (at, tenant_id, actor, action, target, target_id, changes)
SELECT clock_timestamp() - (n % 3) * interval '1 second', n % 7, 'user:ana', 'job.changed', 'job', n,
       jsonb_build_object('name', jsonb_build_array('old', n))
FROM generate_series(1, %(count)s::integer) AS n
"""


def add(count: int = 1) -> None:
    for number in range(count):
        record("job.changed", actor="user:ana", tenant_id=1, target="job", target_id=number)


@contextmanager
def as_whoever_owns_the_database() -> Iterator[None]:
    """Without triggers."""
    sql.script("SET session_replication_role = replica")
    try:
        yield
    finally:
        sql.script("SET session_replication_role = origin")


@contextmanager
def another_connection() -> Iterator[psycopg.Connection[Any]]:
    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: parameters[name] for name in names if name in parameters}) as other:
        yield other


class TestSealing:
    def test_covers_every_entry_once_and_in_order(self) -> None:
        add(5)
        assert seal_some(batch=2) == 2
        assert sweep() == 3
        assert sweep() == 0
        seals = list(AuditSeal.objects.all())
        assert [(seal.sequence, seal.kind, seal.count) for seal in seals] == [(1, "entries", 2), (2, "entries", 3)]
        verdict = verify()
        assert (verdict.entries, verdict.waiting, verdict.findings) == (5, 0, [])
        assert verdict.head == bytes(seals[-1].hash)

    def test_waits_for_transactions_that_are_open_and_no_writer_waits_for_it(self) -> None:
        with another_connection() as other:
            other.execute("SELECT pg_current_xact_id()")
            add(3)
            assert sweep() == 0
            assert verify().waiting == 3
            other.execute("INSERT INTO audit_entries (actor, action, target) VALUES ('user:late', 'x', 'x')")
            other.commit()
        assert sweep() == 4
        assert AuditEntry.objects.order_by("xid").first().actor == "user:late"  # type: ignore[union-attr]
        assert verify().is_sound

    def test_cuts_a_seal_where_a_month_ends(self) -> None:
        sql.rows("INSERT INTO audit_entries (at, actor, action, target) VALUES ('2020-05-31T23:00Z', 'a', 'x', 'x')")
        add(2)
        sweep()
        assert [seal.count for seal in AuditSeal.objects.all()] == [1, 2]
        assert verify().is_sound

    def test_goes_on_after_a_restore_that_numbers_transactions_anew(self) -> None:
        add(2)
        sweep()
        shift = 10**12  # the cluster before had come that far
        with as_whoever_owns_the_database():
            # As a dump has it: two entries sealed, two not yet, one of them with a lower id.
            sql.rows("DELETE FROM audit_seals")
            sql.rows("DELETE FROM audit_digests")
            sql.rows("DELETE FROM audit_entries")
            for entry_id, xid in ((11, 1), (13, 2), (12, 3), (14, 4)):
                sql.rows(
                    "INSERT INTO audit_entries (id, xid, actor, action, target) VALUES (%(id)s, %(xid)s, 'a', '', '')",
                    {"id": entry_id, "xid": xid},
                )
            seal_some(batch=2)
            assert newest_seal().last_xid == 2  # type: ignore[union-attr]
            sql.rows("DELETE FROM audit_seals")
            sql.rows("DELETE FROM audit_digests")
            sql.rows("UPDATE audit_entries SET xid = xid + %(shift)s", {"shift": shift})
            _seal_the_first_two()
        sql.rows("SELECT setval('audit_entries_id_seq', 20)")
        add(2)
        assert sweep() == 4
        kinds = [(seal.kind, seal.count) for seal in AuditSeal.objects.all()]
        assert kinds == [("entries", 2), ("entries", 2), ("restored", 0), ("entries", 2)]
        add(1)
        assert sweep() == 1
        verdict = verify()
        assert (verdict.findings, verdict.entries, verdict.waiting, verdict.restores) == ([], 7, 0, 1)


def _seal_the_first_two() -> None:
    """What a cluster with these numbers would have sealed."""
    from accounts.audit import sealing

    statement = sealing.NEXT.replace("AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint", "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealing, "NEXT", statement)
        sealing.seal_some(batch=2)


class TestVerification:
    def test_finds_every_tampering_among_ten_thousand_entries(self) -> None:
        sql.rows(MANY, {"count": 10_000})
        assert sweep() == 10_000
        sound = verify()
        assert (sound.is_sound, sound.entries, sound.waiting) == (True, 10_000, 0)
        ids = sorted(AuditEntry.objects.values_list("pk", flat=True))
        changed, removed, moved = ids[0::101], ids[1::101], ids[2::101]
        fields = {
            "actor": "'x'",
            "note": "'x'",
            "at": "at + interval '1 second'",
            "tenant_id": "NULL",
            "xid": "xid - 1",
        }
        fields |= {"changes": "'{}'", "address": "'10.0.0.1'", "outcome": "'failed'", "target_id": "'x'", "path": "'x'"}
        with as_whoever_owns_the_database():
            for place, entry_id in enumerate(changed):
                name = list(fields)[place % len(fields)]
                sql.rows(f"UPDATE audit_entries SET {name} = {fields[name]} WHERE id = {entry_id}")
            sql.rows("DELETE FROM audit_entries WHERE id = ANY(%(ids)s::bigint[])", {"ids": removed})
            pairs = list(zip(moved[0::2], moved[1::2], strict=False))
            for one, other in pairs:
                sql.rows(
                    f"UPDATE audit_entries SET id = CASE id WHEN {one} THEN {other} ELSE {one} END "
                    f"WHERE id IN ({one}, {other})"
                )
            inserted = [ids[0] - number for number in range(1, 51)]
            for entry_id in inserted:
                sql.rows(
                    f"INSERT INTO audit_entries (id, xid, actor, action, target) VALUES ({entry_id}, 5, 'x', 'x', 'x')"
                )
            sql.rows(
                "INSERT INTO audit_entries (id, at, actor, action, target) "
                f"VALUES ({ids[50]}, clock_timestamp(), 'x', 'x', 'x')"
            )
        found: dict[str, set[int | None]] = {}
        for finding in verify().findings:
            found.setdefault(finding.kind, set()).add(finding.entry_id)
        assert found == {
            "changed": set(changed),
            "removed": set(removed),
            "moved": {entry_id for pair in pairs for entry_id in pair},
            "inserted": {*inserted, ids[50]},
        }

    @pytest.mark.parametrize(
        ("statement", "words"),
        [
            ("UPDATE audit_seals SET count = 9 WHERE sequence = 2", "Seal 2 was changed."),
            ("DELETE FROM audit_seals WHERE sequence = 2", "Seal 2 is gone."),
            ("DELETE FROM audit_digests WHERE sequence = 2", "The digests of seal 2 are gone"),
            ("UPDATE audit_digests SET ids = array[1, 2] WHERE sequence = 2", "The digests of seal 2 were changed"),
        ],
    )
    def test_finds_what_was_done_to_a_seal(self, statement: str, words: str) -> None:
        add(6)
        while seal_some(batch=2):
            pass
        with as_whoever_owns_the_database():
            sql.rows(statement)
        assert any(words in finding.message for finding in verify().findings)

    def test_knows_a_chain_that_was_rewritten_by_the_head_that_was_kept(self) -> None:
        add(4)
        sweep()
        head = verify().head
        add(1)
        sweep()
        assert verify(head=head).is_sound
        with as_whoever_owns_the_database():
            sql.rows("DELETE FROM audit_seals")
            sql.rows("DELETE FROM audit_digests")
            sql.rows("UPDATE audit_entries SET actor = 'user:nobody'")
        sweep()
        assert verify().is_sound
        assert [finding.kind for finding in verify(head=head).findings] == ["head"]

    def test_looks_only_at_the_months_that_are_asked_for(self) -> None:
        sql.rows("INSERT INTO audit_entries (at, actor, action, target) VALUES ('2020-05-31T23:00Z', 'a', 'x', 'x')")
        add(2)
        sweep()
        with as_whoever_owns_the_database():
            sql.rows("UPDATE audit_entries SET actor = 'b' WHERE at < '2021-01-01'")
        now = sql.now()
        assert not verify().is_sound
        assert verify(since=now).is_sound
        assert verify(since=now).entries == 2


class TestCommand:
    def test_prints_the_head_and_ends_well(self) -> None:
        add(3)
        sweep()
        out = StringIO()
        call_command("verify_audit", stdout=out)
        head = verify().head.hex()
        assert out.getvalue() == f"3 entries in 1 seal checked.\nHead: {head}\n"
        call_command("verify_audit", "--head", head, "--json", stdout=out)

    def test_names_what_is_wrong_and_fails(self) -> None:
        add(3)
        sweep()
        entry_id = AuditEntry.objects.latest("id").pk
        with as_whoever_owns_the_database():
            sql.rows("UPDATE audit_entries SET note = 'x' WHERE id = %(id)s", {"id": entry_id})
        out = StringIO()
        with pytest.raises(CommandError, match="1 finding"):
            call_command("verify_audit", stdout=out)
        assert f"Entry {entry_id} was changed." in out.getvalue()

    @pytest.mark.parametrize("arguments", [("--since", "soon"), ("--head", "abc")])
    def test_refuses_what_it_does_not_understand(self, arguments: tuple[str, str]) -> None:
        with pytest.raises(CommandError, match="write"):
            call_command("verify_audit", *arguments)
