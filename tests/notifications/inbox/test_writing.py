"""Writing into inboxes: what is new, what is counted in, and the order in which the changes are seen."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from notifications.inbox import totals
from notifications.inbox.writing import LONGEST_TITLE, Entry, tell
from notifications.models import Notification, NotificationChange, NotificationTotal
from tests.cast import Cast

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)


def entry(cast: Cast, **changes: Any) -> Entry:
    told = {
        "tenant_id": cast.acme.pk,
        "user_id": cast.ana.pk,
        "type": "job.failed",
        "severity": "error",
        "title": "Greet failed",
        "many": "Greet failed {count} times",
        "group_key": "rule:1:job:5",
    }
    return Entry(**{**told, **changes})


def changes() -> list[tuple[str, int | None]]:
    return list(NotificationChange.objects.order_by("id").values_list("kind", "notification_id"))


class TestTell:
    def test_writes_rows_changes_and_totals_in_a_set(self, cast: Cast) -> None:
        entries = [
            entry(cast, meta={"path": "/admin/jobs/5"}, body="It broke.", at=AT),
            entry(cast, user_id=None, severity="warning", type="job.late", title="Late", group_key="", many=""),
            entry(cast, tenant_id=None, type="worker", severity="critical", group_key="", ttl=timedelta(days=1)),
        ]
        assert len(tell(entries)) == 3
        one, two, three = (Notification.objects.get(type=kind) for kind in ("job.failed", "job.late", "worker"))
        assert (one.title, one.body, one.count, one.last_at, one.is_open) == ("Greet failed", "It broke.", 1, AT, True)
        assert (two.user_id, two.is_open, two.read_at) == (None, False, None)
        kept = [row.ttl_at - row.created_at for row in (one, three)]
        assert kept == [timedelta(days=30), timedelta(days=1)]
        assert sorted(changes()) == sorted([("created", one.pk), ("created", two.pk), ("created", three.pk)])
        told = NotificationChange.objects.get(notification_id=one.pk)
        assert (told.tenant_id, told.user_id, told.reader) == (cast.acme.pk, cast.ana.pk, "")
        assert told.data["title"] == "Greet failed"
        assert told.data["path"] == "/admin/jobs/5"
        assert "body" not in told.data

    def test_counts_repeats_in_the_open_row(self, cast: Cast) -> None:
        first = tell([entry(cast, meta={"count": 42}), entry(cast, user_id=cast.olaf.pk)])
        assert Notification.objects.get(pk=first[0]).meta == {"count": 42}  # the caller's, whatever it counts
        again = [
            entry(cast, count=2, at=AT + timedelta(days=9999), meta={"count": 2}, severity="critical"),
            entry(cast, body="The last.", meta={"count": 43}, severity="info", at=AT),
        ]
        assert tell(again) == first[:1]
        row = Notification.objects.get(pk=first[0])
        assert (row.count, row.title, row.body) == (4, "Greet failed 4 times", "The last.")
        assert row.meta == {"count": 43}
        assert row.severity == "critical"
        assert row.last_at == AT + timedelta(days=9999)
        last = NotificationChange.objects.order_by("-id")[0]
        assert (last.notification_id, last.data["count"], last.data["title"]) == (row.pk, 4, "Greet failed 4 times")
        assert Notification.objects.get(pk=first[1]).count == 1
        sums = {(t.type, t.severity): t.count for t in NotificationTotal.objects.all()}
        assert sums == {("job.failed", "error"): 2, ("job.failed", "critical"): 2, ("job.failed", "info"): 1}

    def test_adds_up_few_types_by_name_so_that_no_sum_ever_falls(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(totals, "MOST_TYPES", 2)
        tell([entry(cast, type=kind, group_key="") for kind in ("c", "a", "b", "c")])
        tell([entry(cast, type="b", group_key=""), entry(cast, type="other", group_key="")])
        tell([entry(cast, type="a", severity="info", group_key=""), entry(cast, type="job.failed", group_key="")])
        sums = {(t.type, t.severity): t.count for t in NotificationTotal.objects.all()}
        assert sums == {
            ("a", "error"): 1,
            ("a", "info"): 1,
            ("c", "error"): 2,
            ("other", "error"): 3,
            ("job.failed", "error"): 1,  # what is built in has a name whoever came before
        }

    def test_begins_a_new_row_when_the_group_was_read(self, cast: Cast) -> None:
        (first,) = tell([entry(cast)])
        Notification.objects.filter(pk=first).update(is_open=False, read_at=AT)
        (second,) = tell([entry(cast)])
        assert second != first
        assert Notification.objects.get(pk=second).title == "Greet failed"

    def test_keeps_groups_of_the_whole_tenant_and_of_the_system_apart(self, cast: Cast) -> None:
        people: list[dict[str, Any]] = [
            {"user_id": None},
            {"user_id": None, "tenant_id": cast.globex.pk},
            {"tenant_id": None},
        ]
        first = tell([entry(cast, **who) for who in people])
        assert len(set(first)) == 3
        assert tell([entry(cast, **who) for who in people]) == first

    def test_cuts_what_is_too_long_and_takes_what_postgresql_cannot_hold(self, cast: Cast) -> None:
        (pk,) = tell([entry(cast, title="x\x00" * 200, body="\x00\ud800", type="t" * 99, meta={"name": "ok"})])
        row = Notification.objects.get(pk=pk)
        assert (len(row.title), len(row.type)) == (LONGEST_TITLE, 60)
        assert "\x00" not in row.title + row.body

    def test_writes_nothing_when_the_transaction_fails(self, cast: Cast) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():  # noqa: PT012
            tell([entry(cast)])
            raise IntegrityError
        assert not Notification.objects.exists()
        assert changes() == []
        assert tell([]) == []


class TestOrderOfChanges:
    @pytest.mark.django_db(transaction=True)
    def test_shows_no_change_before_a_smaller_one(self, cast: Cast) -> None:
        """Writers at once, some of which are slow to commit; a reader that goes on from the greatest id it has seen
        must have seen all."""
        writers, each = 6, 12
        problems: list[BaseException] = []

        def write(number: int) -> None:
            try:
                for turn in range(each):
                    with transaction.atomic():
                        group = f"group:{turn % 3}" if number % 2 else ""
                        tell([entry(cast, group_key=group), entry(cast, user_id=None, group_key="all")])
                        with connection.cursor() as cursor:
                            cursor.execute("SELECT pg_sleep(%s)", [0.002 * (number % 3)])
            except BaseException as error:
                problems.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
        for thread in threads:
            thread.start()
        seen: list[int] = []
        while True:
            is_last = not any(thread.is_alive() for thread in threads)
            last = seen[-1] if seen else 0
            seen += NotificationChange.objects.filter(id__gt=last).order_by("id").values_list("id", flat=True)
            if is_last:
                break
        for thread in threads:
            thread.join()
        assert problems == []
        assert seen == list(NotificationChange.objects.order_by("id").values_list("id", flat=True))
        assert len(seen) == writers * each * 2
        everybody = Notification.objects.get(user=None)
        assert everybody.count == writers * each
