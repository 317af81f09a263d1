"""The record of what the scheduling went through: only ever added to, and counted in the same transaction."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from jobs import scheduler_events
from jobs.models import SchedulerCounter, SchedulerEvent
from jobs.scheduler_events import Event
from tests.cast import Cast

pytestmark = pytest.mark.django_db


class TestRecord:
    def test_counts_each_type_of_each_tenant_with_the_rows(self, cast: Cast) -> None:
        scheduler_events.record(
            [
                Event("idle_cycles", count=117),
                Event("tick_missed", "Three ticks.", count=3, tenant_id=cast.acme.pk),
                Event("tick_missed", count=2, tenant_id=cast.globex.pk),
            ]
        )
        scheduler_events.record([Event("tick_missed", count=4, tenant_id=cast.acme.pk)])
        counters = {(row.type, row.tenant_id): row.count for row in SchedulerCounter.objects.all()}
        assert counters == {
            ("idle_cycles", 0): 117,
            ("tick_missed", cast.acme.pk): 7,
            ("tick_missed", cast.globex.pk): 2,
        }
        assert scheduler_events.find_differences() == []

    def test_writes_neither_row_nor_count_when_the_transaction_fails(self) -> None:
        with transaction.atomic():
            scheduler_events.record([Event("check_cycle")])
            transaction.set_rollback(True)
        assert not SchedulerEvent.objects.exists()
        assert not SchedulerCounter.objects.exists()

    def test_refuses_to_change_or_delete_what_happened(self) -> None:
        scheduler_events.record([Event("check_cycle")])
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            SchedulerEvent.objects.update(count=2)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            SchedulerEvent.objects.all()._raw_delete("default")

    def test_holds_texts_that_postgresql_cannot_and_cuts_long_ones(self) -> None:
        scheduler_events.record([Event("sweep_failed", "a\x00b" + "c" * 900, source="s" * 300)])
        event = SchedulerEvent.objects.get()
        assert (len(event.message), len(event.source)) == (500, 200)
        assert "\x00" not in event.message


class TestFindDifferences:
    def test_tells_a_counter_that_is_not_the_sum(self) -> None:
        scheduler_events.record([Event("check_cycle", count=5)])
        SchedulerCounter.objects.update(count=6)
        (found,) = scheduler_events.find_differences()
        assert (found.type, found.counted, found.recorded) == ("check_cycle", 6, 5)
