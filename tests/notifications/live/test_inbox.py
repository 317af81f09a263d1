"""The topic `notifications`: told within the second, once, to whom it concerns, and without a gap after any cut."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection, transaction
from websockets.exceptions import ConnectionClosed, InvalidStatus

from accounts.models import Membership
from notifications.inbox import following, marking, readers
from notifications.inbox.waking import GROUP, TOPIC
from notifications.inbox.writing import Entry, tell
from notifications.live.topics import Topic
from notifications.models import NotificationChange
from scheduler_project.lib import quick_redis, sql
from tests.cast import Cast, ClientOf, MakeKey
from tests.live import wait_for
from tests.notifications.inbox.conftest import told
from tests.notifications.live.conftest import Message, Web, events

__all__ = ["told"]

pytestmark = pytest.mark.django_db(transaction=True)

Told = Callable[..., list[int]]


def is_ours(message: Message) -> bool:
    return message["type"] == "ui.notification"


def happened(messages: list[Message]) -> list[tuple[str, int | None]]:
    return [
        (message["data"]["event"], (message["data"]["notification"] or {}).get("id"))
        for message in messages
        if is_ours(message)
    ]


def test_the_inbox_wakes_the_group_of_the_topic() -> None:
    assert Topic(TOPIC).group == GROUP


def test_what_is_created_by_rest_is_told_within_the_second(
    web: Web, cast: Cast, make_key: MakeKey, client_of: ClientOf
) -> None:
    """By the API of one process to the socket of another, and nobody leads: it needs no scheduler."""
    author, took = client_of(make_key("notifications:write")[1]), []
    with web.socket(make_key("notifications:read")[1]) as socket, web.socket(make_key()[1]) as other:
        assert socket.listen("notifications")["topics"] == ["notifications"]
        other.listen("notifications")
        state = socket.wait_for(lambda message: message["type"] == "inbox")
        assert (state["data"], state["seq"]) == ({"unread": 0}, str(following.place_now()))
        for number in range(1, 31):
            asked_at = time.monotonic()
            title = f"Backup {number} is done"
            made = author.send("POST", "/api/v1/notifications", {"title": title, "meta": {"path": "/admin/"}})
            assert made.status_code == 201
            message = socket.wait_for(is_ours)
            took.append(time.monotonic() - asked_at)
            shown = message["data"]["notification"]
            assert (shown["id"], shown["title"], shown["path"]) == (made.json()["id"], title, "/admin/")
            assert (message["data"]["event"], message["data"]["unread"]) == ("created", number)
            assert "body" not in shown
        other.wait_for(lambda message: is_ours(message) and message["data"]["unread"] == 30)
    took.sort()
    print(f"\ninbox: REST to the other socket p50 {took[15] * 1000:.0f} ms, p95 {took[28] * 1000:.0f} ms")
    assert took[28] < 1


def test_each_hears_of_their_own_inbox_and_of_what_they_did_elsewhere(
    web: Web, cast: Cast, told: Told, make_key: MakeKey, client_of: ClientOf
) -> None:
    cookies = {who: client_of(getattr(cast, who)).cookies["sessionid"].value for who in ("ana", "vera")}
    of_ana, of_vera = ({"Cookie": f"sessionid={cookies[who]}", "Origin": web.origin} for who in ("ana", "vera"))
    with web.socket(**of_ana) as tab, web.socket(**of_ana) as other_tab, web.socket(**of_vera) as vera:
        for socket in (tab, other_tab, vera):
            socket.listen("notifications")
            socket.wait_for(lambda message: message["type"] == "inbox")
        own, everybody = told({}, {"user_id": None})
        ana = readers.of_user(cast.ana)
        marking.read_one(ana, own)
        marking.read_all(ana)
        marking.clear(ana)
        expected = [("created", own), ("created", everybody), ("read", own), ("read", None), ("cleared", None)]
        for socket in (tab, other_tab):
            last = socket.wait_for(lambda message: is_ours(message) and message["data"]["event"] == "cleared")
            assert happened(socket.heard) == expected
            assert (last["data"]["unread"], last["data"]["count"]) == (0, 2)
        (last_one,) = told(user_id=None)
        last = vera.wait_for(
            lambda message: is_ours(message) and (message["data"]["notification"] or {}).get("id") == last_one
        )
        assert happened(vera.heard) == [("created", everybody), ("created", last_one)]
        assert last["data"]["unread"] == 2


def test_whoever_may_not_is_refused_and_a_lost_membership_ends_it(
    web: Web, cast: Cast, told: Told, make_key: MakeKey, client_of: ClientOf
) -> None:
    with web.socket(make_key("scheduler:read")[1]) as socket:
        refused = socket.listen("notifications")
        assert (refused["type"], refused["error"]["code"]) == ("refused", "missing_scope")
        assert "notifications:read" in refused["error"]["message"]
        socket.say(subscribe=["notifications"], since={"notifications": "3.4"})
        wrong = socket.wait_for(lambda message: message["type"] == "refused")
        assert "no place in an inbox" in str(wrong["error"]["fields"])
    cookie = client_of(cast.ana).cookies["sessionid"].value
    with web.socket(Cookie=f"sessionid={cookie}", Origin=web.origin) as socket:
        socket.listen("notifications")
        Membership.objects.filter(user=cast.ana).delete()
        socket.wait_for(lambda message: message["type"] == "refused")
        told({"user_id": None}, {})
        assert happened(socket.heard) == []
    with web.stream("topics=workers,notifications", Authorization=f"Bearer {make_key('scheduler:read')[1]}") as answer:
        assert answer.status == 403


def test_a_stream_goes_on_from_the_last_event_id(web: Web, cast: Cast, told: Told, make_key: MakeKey) -> None:
    headers = {"Authorization": f"Bearer {make_key('notifications:read')[1]}"}
    with web.stream("topics=notifications", **headers) as answer:
        assert answer.status == 200
        stream = events(answer)
        while True:
            mark, message = next(stream)
            if message["type"] == "inbox":
                break
        first = told(user_id=None)
        mark, message = next(stream)
        assert happened([message]) == [("created", first[0])]
        assert mark == f"notifications@{message['seq']}"
    missed = told(*[{"user_id": None}] * 3)
    with web.stream("topics=notifications", **headers, Last_Event_ID=mark) as answer:
        stream = events(answer)
        assert next(stream)[1]["type"] == "subscribed"
        raw = [next(stream)[1] for _ in missed]
        assert happened(raw) == [("created", pk) for pk in missed]
        last = raw[-1]["seq"]
    NotificationChange.objects.filter(pk__lt=int(last)).delete()
    with web.stream(f"topics=notifications&since=notifications@{int(last) - 2}", **headers) as answer:
        stream = events(answer)
        found = [next(stream)[1] for _ in range(2)]
        assert [message["type"] for message in found] == ["subscribed", "resync"]
        assert (found[1]["seq"], found[1]["data"]) == (last, {"unread": 4})


def test_the_event_of_a_stream_has_a_name(web: Web, cast: Cast, told: Told, make_key: MakeKey) -> None:
    headers = {"Authorization": f"Bearer {make_key('notifications:read')[1]}"}
    told(user_id=None)
    begin = following.place_now() - 1
    with web.stream(f"topics=notifications&since=notifications@{begin}", **headers) as answer:
        lines: list[str] = []
        while not (lines and lines[-1].startswith("data:") and "ui.notification" in lines[-1]):
            lines.append(answer.readline().decode().rstrip("\n"))
    assert lines[-3:-1] == ["event: ui.notification", f"id: notifications@{begin + 1}"]


@pytest.mark.parametrize("way", ["socket", "stream"])
def test_whoever_subscribes_while_postgresql_fails_leaves_nothing_behind(web: Web, make_key: MakeKey, way: str) -> None:
    """Its connection is cut off while the place to begin is looked up; the client is asked to come again."""
    key, secret = make_key("notifications:read")
    found: list[Message] = []
    codes: list[int] = []

    def listen_by_socket() -> None:
        with web.socket(secret) as socket:
            with suppress(ConnectionClosed):
                socket.listen("notifications")
            found.extend(socket.heard)
            codes.append(socket.connection.close_code or 0)

    def listen_by_stream() -> None:
        with web.stream("topics=notifications", Authorization=f"Bearer {secret}") as answer:
            found.extend(message for _, message in events(answer))

    client = threading.Thread(target=listen_by_socket if way == "socket" else listen_by_stream)
    with transaction.atomic():
        sql.rows("LOCK TABLE ui_notification_changes IN ACCESS EXCLUSIVE MODE")
        client.start()
        asking = wait_for(lambda: sql.rows(WHO_ASKS), what="it to ask for its place")
        assert connections_of(key.prefix) == 1
        for one in asking:
            sql.rows("SELECT pg_terminate_backend(%(pid)s)", one)
        client.join(10)
    assert [(message["type"], message["error"]["code"]) for message in found] == [("closing", "unavailable")]
    assert codes == ([4503] if way == "socket" else [])
    wait_for(lambda: connections_of(key.prefix) == 0, what="its place to be given up")
    group = f"daybook:live:group:{GROUP}"
    wait_for(lambda: quick_redis.ask(lambda redis: redis.zcard(group)) == 0, what="nobody to listen any more")


WHO_ASKS = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'ui_notification_changes'::regclass"


def connections_of(prefix: str) -> int:
    return int(quick_redis.ask(lambda redis: redis.zcard(f"daybook:live:connections:key:{prefix}")))


def test_nothing_is_lost_or_doubled_when_sockets_die_at_random(
    web: Web, cast: Cast, told: Told, make_key: MakeKey
) -> None:
    """Writers at once, some in slow transactions; a client that is cut off at random and goes on where it was."""
    key = make_key("notifications:read")[1]
    random.seed(7)
    told(user_id=None)
    seen: list[Message] = []
    place = str(following.place_now())
    writers, each = 4, 15
    problems: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for turn in range(each):
                tell([Entry(cast.acme.pk, None, "note", "info", f"{number} {turn}")])
                time.sleep(0.005 * number)
        except BaseException as error:
            problems.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    for thread in threads:
        thread.start()
    cuts, ends_at = 0, time.monotonic() + 30
    while len(seen) < writers * each and time.monotonic() < ends_at:
        with suppress(ConnectionClosed, InvalidStatus, OSError), web.socket(key) as socket:
            socket.say(subscribe=["notifications"], since={"notifications": place})
            for _ in range(random.randint(1, 12)):
                message = socket.wait_for(is_ours, seconds=2)
                seen.append(message)
                place = message["seq"]
            if random.random() < 0.5:
                socket.connection.socket.close()
        cuts += 1
    for thread in threads:
        thread.join()
    assert problems == []
    assert cuts > 3
    told_ids = [message["data"]["notification"]["id"] for message in seen]
    assert len(told_ids) == len(set(told_ids)) == writers * each
    assert [int(message["seq"]) for message in seen] == sorted(int(message["seq"]) for message in seen)
    assert seen[-1]["data"]["unread"] == writers * each + 1
