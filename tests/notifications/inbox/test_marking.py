"""Reading and clearing: for oneself alone, exact, and told to one's other pages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from notifications.inbox import marking, readers, reading
from notifications.inbox.readers import Reader
from notifications.inbox.reading import Wanted
from notifications.models import Notification, NotificationChange, NotificationMark
from tests.cast import Cast
from tests.notifications.inbox.conftest import Told


@pytest.fixture
def ana(cast: Cast) -> Reader:
    return readers.of_user(cast.ana)


@pytest.fixture
def vera(cast: Cast) -> Reader:
    return readers.of_user(cast.vera)


def inbox(reader: Reader) -> list[int]:
    return [row.pk for row in reading.newest(reading.parts(reader), most=100)]


def last_change() -> NotificationChange:
    return NotificationChange.objects.order_by("-id")[0]


class TestReadOne:
    def test_marks_it_for_this_reader_and_closes_its_group(self, cast: Cast, told: Told, ana: Reader) -> None:
        own, everybody = told({"group_key": "a"}, {"group_key": "a", "user_id": None})
        for pk in (own, everybody):
            row = marking.read_one(ana, pk)
            assert row is not None
            assert row.seen_at is not None
            change = last_change()
            assert (change.kind, change.notification_id, change.user_id) == ("read", pk, cast.ana.pk)
            assert change.reader == f"user:{cast.ana.pk}"
            assert not Notification.objects.get(pk=pk).is_open
        assert reading.unread_count(ana) == 0
        assert told({"group_key": "a"}, {"group_key": "a", "user_id": None}) != [own, everybody]
        assert reading.unread_count(ana) == 2

    def test_changes_nothing_the_second_time_nor_for_anybody_else(self, told: Told, ana: Reader, vera: Reader) -> None:
        own, everybody = told({}, {"user_id": None})
        first = marking.read_one(ana, everybody)
        before = last_change().pk
        again = marking.read_one(ana, everybody)
        assert first is not None
        assert again is not None
        assert again.seen_at == first.seen_at
        assert last_change().pk == before
        assert reading.unread_count(vera) == 1
        assert marking.read_one(vera, own) is None
        assert marking.read_one(vera, 987_654) is None
        assert Notification.objects.get(pk=own).read_at is None


class TestReadAll:
    def test_marks_what_is_wanted(self, told: Told, ana: Reader, vera: Reader) -> None:
        own, everybody, note = told({}, {"user_id": None}, {"severity": "info"})
        assert marking.read_all(ana, Wanted(severity="error")) == 2
        change = last_change()
        assert (change.kind, change.notification_id) == ("read", None)
        assert change.data == {"count": 2, "ids": [own, everybody]}
        assert [row.pk for row in reading.newest(reading.parts(ana, Wanted(unread=True)), most=9)] == [note]
        assert marking.read_all(ana, Wanted(unread=False)) == 0
        assert marking.read_all(ana) == 1
        before = last_change().pk
        assert marking.read_all(ana) == 0
        assert last_change().pk == before
        assert reading.unread_count(vera) == 1

    def test_goes_on_in_batches_until_all_are_marked(
        self, told: Told, ana: Reader, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(marking, "BATCH", 3)
        told(*({"user_id": None} if number % 2 else {} for number in range(8)))
        begin = last_change().pk
        assert marking.read_all(ana) == 8
        counts = [change.data["count"] for change in NotificationChange.objects.filter(pk__gt=begin).order_by("pk")]
        assert counts == [3, 3, 2]
        assert reading.unread_count(ana) == 0
        assert marking.clear(ana) == 8
        assert inbox(ana) == []


class TestClear:
    def test_takes_what_was_read_away(self, told: Told, ana: Reader, vera: Reader) -> None:
        own, everybody, unread = told({}, {"user_id": None}, {})
        marking.read_one(ana, own)
        marking.read_one(ana, everybody)
        assert marking.clear(ana, Wanted(unread=True)) == 0
        assert marking.clear(ana) == 2
        assert (last_change().kind, last_change().data["count"]) == ("cleared", 2)
        assert inbox(ana) == [unread]
        assert inbox(vera) == [everybody]
        assert list(Notification.objects.order_by("id").values_list("pk", flat=True)) == [everybody, unread]
        assert marking.clear(ana) == 0

    def test_takes_unread_ones_away_when_told_to(self, told: Told, ana: Reader, vera: Reader) -> None:
        own, everybody, note = told({}, {"user_id": None}, {"severity": "info"})
        assert marking.clear(ana, Wanted(severity="error"), unread_too=True) == 2
        assert (inbox(ana), inbox(vera)) == ([note], [everybody])
        assert reading.unread_count(ana) == 1
        mark = NotificationMark.objects.get()
        assert (mark.reader, mark.notification_id) == (ana.name, everybody)
        assert mark.read_at is not None
        assert marking.read_one(ana, own) is None
        assert marking.read_one(ana, everybody) is None

    def test_keeps_the_inbox_of_a_program_apart(self, cast: Cast, told: Told, ana: Reader) -> None:
        (everybody,) = told(user_id=None)
        program = Reader("key:abc", None, (cast.acme.pk,))
        other = Reader("key:xyz", None, (cast.acme.pk,))
        assert marking.clear(program, unread_too=True) == 1
        assert (last_change().reader, last_change().tenant_id, last_change().user_id) == (
            "key:abc",
            cast.acme.pk,
            None,
        )
        assert (inbox(program), inbox(other), inbox(ana)) == ([], [everybody], [everybody])


def test_a_user_without_anything_has_an_empty_inbox(db: None) -> None:
    nobody = readers.of_user(User.objects.create_user("nobody"))
    assert reading.parts(nobody)[0].count() == 0
    assert (inbox(nobody), reading.unread_count(nobody), marking.read_all(nobody), marking.clear(nobody)) == (
        [],
        0,
        0,
        0,
    )
