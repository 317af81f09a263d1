"""What is past its end goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from notifications.inbox import following, janitor, marking, readers
from notifications.models import Notification, NotificationChange, NotificationMark
from tests.cast import Cast
from tests.notifications.inbox.conftest import Told


def age(pks: list[int]) -> None:
    Notification.objects.filter(pk__in=pks).update(ttl_at=Now())


def test_deletes_expired_notifications_in_batches_and_tells_whose_they_were(
    cast: Cast, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(janitor, "BATCH", 2)
    gone = told({}, {}, {"user_id": None}, {"user_id": cast.olaf.pk}, {"tenant_id": None, "user_id": cast.root.pk})
    kept = told({}, {"user_id": None})
    ana = readers.of_user(cast.ana)
    marking.read_one(ana, gone[2])
    marking.read_one(ana, kept[1])
    age(gone)
    place = following.place_now()
    assert janitor.sweep() == 5
    assert sorted(Notification.objects.values_list("pk", flat=True)) == kept
    assert list(NotificationMark.objects.values_list("notification_id", flat=True)) == kept[1:]
    told_to_ana = following.after(ana, place).told
    assert {change.kind for change in told_to_ana} == {"cleared"}
    assert sum(change.data["count"] for change in told_to_ana) == 3
    assert sum(change.data["count"] for change in following.after(readers.of_user(cast.root), place).told) == 2
    assert janitor.sweep() == 0


def test_forgets_old_changes_but_for_the_last_one(cast: Cast, told: Told) -> None:
    told({}, {}, {})
    ana = readers.of_user(cast.ana)
    last = following.place_now()
    NotificationChange.objects.update(at=F("at") - janitor.CHANGES_KEPT - timedelta(seconds=1))
    assert janitor.sweep() == 2
    assert list(NotificationChange.objects.values_list("pk", flat=True)) == [last]
    assert following.after(ana, last).has_gap is False
    assert following.after(ana, last - 1).told[0].id == last
    told({})
    assert janitor.sweep() == 1
    assert NotificationChange.objects.count() == 1
