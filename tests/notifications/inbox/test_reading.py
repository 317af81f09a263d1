"""What a reader finds in an inbox, and what not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts.models import Membership
from notifications.inbox import marking, readers, reading
from notifications.inbox.readers import Reader
from notifications.inbox.reading import Wanted
from notifications.models import Notification
from scheduler_project.api import principal as principals
from tests.cast import Cast, MakeKey
from tests.notifications.inbox.conftest import Told

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)


def inbox(reader: Reader, **wanted: Any) -> list[int]:
    found = reading.newest(reading.parts(reader, Wanted(**wanted)), most=100)
    assert [row.last_at for row in found] == sorted((row.last_at for row in found), reverse=True)
    return [row.pk for row in found]


def reader_of(user: User) -> Reader:
    return readers.of_user(User.objects.get(pk=user.pk))


class TestInbox:
    def test_has_what_is_for_the_person_and_for_the_tenants_where_it_may_look(
        self, cast: Cast, told: Told, make_key: MakeKey
    ) -> None:
        own, everybody, foreign, foreign_all, system = told(
            {},
            {"user_id": None},
            {"tenant_id": cast.globex.pk, "user_id": cast.gita.pk},
            {"tenant_id": cast.globex.pk, "user_id": None},
            {"tenant_id": None, "user_id": cast.root.pk},
        )
        key, _ = make_key("notifications:read")
        other, _ = make_key("scheduler:read")
        program = readers.of_principal(principals.of_key(key))
        assert inbox(reader_of(cast.ana)) == [everybody, own]
        assert inbox(reader_of(cast.vera)) == [everybody]
        assert inbox(reader_of(cast.gita)) == [foreign_all, foreign]
        assert inbox(reader_of(cast.root)) == [system, foreign_all, everybody]
        assert inbox(program) == [everybody]
        assert inbox(readers.of_principal(principals.of_key(other))) == []
        assert [reading.unread_count(reader_of(one)) for one in (cast.ana, cast.vera, cast.gita, cast.root)] == [
            2,
            1,
            2,
            3,
        ]
        assert reading.unread_count(program) == 1
        assert reading.find(reader_of(cast.vera), own) is None
        assert reading.find(reader_of(cast.ana), foreign) is None

    def test_ends_with_the_membership(self, cast: Cast, told: Told) -> None:
        told({}, {"user_id": None})
        Membership.objects.filter(user=cast.ana).delete()
        assert inbox(reader_of(cast.ana)) == []
        assert reading.unread_count(reader_of(cast.ana)) == 0
        cast.root.is_superuser = False
        told({"tenant_id": None, "user_id": cast.root.pk})
        cast.root.save()
        assert inbox(reader_of(cast.root)) == []

    def test_shows_nothing_past_its_end(self, cast: Cast, told: Told) -> None:
        told({"ttl": timedelta(seconds=-1)}, {"ttl": timedelta(seconds=-1), "user_id": None})
        assert inbox(reader_of(cast.ana)) == []
        assert reading.unread_count(reader_of(cast.ana)) == 0

    def test_is_narrowed_by_each_filter(self, cast: Cast, told: Told) -> None:
        ana = reader_of(cast.ana)
        error, info, late, everybody = told(
            {"at": AT, "meta": {"job": {"id": 5, "name": "Greet"}}, "body": "The disk is full"},
            {"at": AT + timedelta(hours=1), "severity": "info", "type": "note", "title": "100% done"},
            {"at": AT + timedelta(hours=2), "severity": "warning", "type": "job.late"},
            {"at": AT + timedelta(hours=3), "severity": "critical", "user_id": None},
        )
        marking.read_one(ana, info)
        marking.read_one(ana, everybody)
        cases: list[tuple[dict[str, Any], list[int]]] = [
            ({}, [everybody, late, info, error]),
            ({"unread": True}, [late, error]),
            ({"unread": False}, [everybody, info]),
            ({"severity": "warning"}, [everybody, late, error]),
            ({"severity": "critical"}, [everybody]),
            ({"type": "job.late"}, [late]),
            ({"job_id": 5}, [error]),
            ({"job_id": 6}, []),
            ({"text": "DISK"}, [error]),
            ({"text": "100%"}, [info]),
            ({"text": "%"}, [info]),
            ({"since": AT + timedelta(hours=1), "until": AT + timedelta(hours=2)}, [info]),
            ({"tenant": "globex"}, []),
            ({"tenant": "acme", "severity": "error", "unread": True}, [error]),
        ]
        assert [(wanted, inbox(ana, **wanted)) for wanted, _ in cases] == cases

    @pytest.mark.parametrize("offset", [0, 1, 3, 4, 7])
    def test_is_one_list_in_pages(self, cast: Cast, told: Told, offset: int) -> None:
        pks = told(*({"user_id": None if number % 3 else cast.ana.pk, "at": AT} for number in range(7)))
        ana = reader_of(cast.ana)
        shown = [row.pk for row in reading.window(reading.parts(ana), offset, 3)]
        assert shown == list(reversed(pks))[offset : offset + 3]
        for nobody in (Reader("key:x", None, ()),):
            assert reading.window(reading.parts(nobody), offset, 3) == []

    def test_says_when_this_reader_read_it(self, cast: Cast, told: Told) -> None:
        (everybody,) = told(user_id=None)
        marking.read_one(reader_of(cast.ana), everybody)
        ana, vera = (reading.find(reader_of(one), everybody) for one in (cast.ana, cast.vera))
        assert ana is not None
        assert vera is not None
        assert (ana.seen_at is None, vera.seen_at) == (False, None)
        assert Notification.objects.get(pk=everybody).read_at is None
