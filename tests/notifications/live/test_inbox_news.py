"""What a listener's place in an inbox comes to, without a socket."""

from __future__ import annotations

from typing import Any

import pytest

from notifications.inbox import following
from notifications.live import inbox
from notifications.live.inbox import Place
from scheduler_project.api import principal as principals
from scheduler_project.api.errors import Invalid
from tests.cast import Cast
from tests.notifications.inbox.conftest import Told, told

__all__ = ["told"]

pytestmark = pytest.mark.django_db


def test_is_told_nothing_while_notifications_are_off_and_all_of_it_after(cast: Cast, told: Told, settings: Any) -> None:
    ana, place = principals.of_user(cast.ana), inbox.begin()
    settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
    pks = told({}, {"user_id": None})
    quiet = inbox.read(ana, place)
    assert (quiet.messages, quiet.place) == ([], place)
    settings.DAYBOOK_NOTIFICATIONS_ENABLED = True
    news = inbox.read(ana, place)
    state, *messages = news.messages
    assert (state["type"], state["data"]) == ("inbox", {"unread": 2})
    assert [message["data"]["notification"]["id"] for message in messages] == pks
    assert str(news.place) == messages[-1]["seq"] == str(following.place_now())
    assert inbox.read(ana, news.place).messages == []


def test_goes_on_behind_the_changes_of_others(cast: Cast, told: Told) -> None:
    place = Place(following.place_now())
    told(user_id=cast.vera.pk)
    news = inbox.read(principals.of_user(cast.ana), place)
    assert (news.messages, str(news.place)) == ([], str(following.place_now()))


def test_is_concerned_by_changes_of_its_own_people_and_tenants(cast: Cast) -> None:
    ana, root = principals.of_user(cast.ana), principals.of_user(cast.root)
    cases: list[tuple[Any, bool, bool]] = [
        ({"users": [cast.ana.pk], "tenants": []}, True, False),
        ({"users": [cast.vera.pk], "tenants": []}, False, False),
        ({"users": [], "tenants": [cast.acme.pk]}, True, True),
        ({"users": [], "tenants": [cast.globex.pk]}, False, True),
        (None, True, True),
    ]
    for data, is_anas, is_roots in cases:
        message = {"type": "changed", "topic": "notifications", "data": data}
        assert (inbox.concerns(ana, message), inbox.concerns(root, message)) == (is_anas, is_roots), data


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9" * 19, None, 5])
def test_takes_nothing_for_a_place_that_is_none(text: object) -> None:
    with pytest.raises(Invalid):
        inbox.read_place(text)
