"""Changes since a place: all of one's own, none of others, and a word when the place is no good."""

from __future__ import annotations

import pytest

from notifications.inbox import following, marking, readers
from notifications.inbox.readers import Reader
from notifications.models import NotificationChange
from tests.cast import Cast
from tests.notifications.inbox.conftest import Told


def heard(reader: Reader, place: int) -> list[tuple[str, int | None]]:
    return [(change.kind, change.notification_id) for change in following.after(reader, place).told]


def test_tells_each_reader_its_own(cast: Cast, told: Told) -> None:
    ana, vera, gita, root = (readers.of_user(one) for one in (cast.ana, cast.vera, cast.gita, cast.root))
    program = Reader("key:abc", None, (cast.acme.pk,))
    begin = following.place_now()
    own, everybody, system = told({}, {"user_id": None}, {"tenant_id": None, "user_id": cast.root.pk})
    marking.read_one(ana, everybody)
    marking.read_all(ana)
    marking.clear(program, unread_too=True)
    created = ("created", everybody)
    assert heard(ana, begin) == [("created", own), created, ("read", everybody), ("read", None)]
    assert heard(vera, begin) == [created]
    assert heard(gita, begin) == []
    assert heard(root, begin) == [created, ("created", system)]
    assert heard(program, begin) == [created, ("cleared", None)]
    assert heard(Reader(ana.name, ana.user_id, ()), begin) == [("read", everybody), ("read", None)]


def test_goes_on_from_each_place_without_a_gap(cast: Cast, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST", 3)
    ana = readers.of_user(cast.ana)
    begin = place = following.place_now()
    pks = told(*[{}] * 7)
    told({"user_id": cast.vera.pk})
    found = []
    while True:
        step = following.after(ana, place)
        found += [change.notification_id for change in step.told]
        place = step.place
        if not step.has_more:
            break
    assert found == pks
    assert place == following.place_now() > begin
    for place in NotificationChange.objects.values_list("pk", flat=True):
        assert not following.after(ana, place).has_gap


def test_says_when_a_place_is_too_old_or_of_another_database(cast: Cast, told: Told) -> None:
    ana = readers.of_user(cast.ana)
    told(*[{}] * 3)
    last = following.place_now()
    NotificationChange.objects.filter(pk__lt=last).delete()
    assert following.after(ana, last - 1).has_gap is False
    for place in (last - 2, last + 1):
        followed = following.after(ana, place)
        assert (followed.has_gap, followed.told, followed.place) == (True, [], last)
