"""Who gets in to the live channel of a real web process, to what, and for how long."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from accounts.models import ApiKey, Membership
from accounts.scopes import Scope
from jobs.models import Job
from notifications.live.slots import NoSlot, Slot
from tests.cast import Cast, ClientOf, MakeKey
from tests.jobs.api.conftest import MakeJob, RunJob
from tests.live import wait_for
from tests.notifications.live.conftest import Socket, Web, events

pytestmark = pytest.mark.django_db(transaction=True)

FOREIGN = [
    "https://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "https://{host}",
    "http://{host}.evil.example",
    "http://evil.example?{host}",
    "http://evil.example#{host}",
    "https://console.example.com.evil.example",
    "https://evil-console.example.com",
    "http://console.example.com",
    "https://console.example.com:8443",
    "file://",
    "chrome-extension://abcdef",
    "{host}",
]


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def refusal(web: Web, key: str = "", **headers: str) -> tuple[int, str]:
    """Status and code with which the handshake is refused; (101, "") when it is not."""
    try:
        with web.socket(key, **headers):
            return 101, ""
    except InvalidStatus as error:
        return error.response.status_code, json.loads(error.response.body)["error"]["code"]


def stream_refusal(web: Web, **headers: str) -> tuple[int, str]:
    with web.stream("topics=workers", **headers) as answer:
        if answer.status == 200:
            return 200, ""
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(answer.read())["error"]["code"]


def cut_code(socket: Socket) -> tuple[int, str]:
    """The code with which the connection is closed, and the reason told before."""
    with pytest.raises(ConnectionClosed) as caught:
        socket.wait_for(lambda _: False)
    assert caught.value.rcvd is not None
    told = [message["error"]["code"] for message in socket.of_type("closing")]
    return caught.value.rcvd.code, told[-1] if told else ""


def test_who_gets_in(web: Web, cast: Cast, make_key: MakeKey) -> None:
    key = make_key()[1]
    cookie = cookie_of(cast.ana)
    bearer = {"Authorization": f"Bearer {key}"}
    wrong = (403, "wrong_origin")
    assert refusal(web) == (401, "not_authenticated")
    assert refusal(web, "sch_live_00000000_" + "A" * 43) == (401, "authentication_failed")
    assert refusal(web, make_key(revoked=True)[1]) == (401, "authentication_failed")
    assert refusal(web, X_API_Key=key) == (101, "")
    assert refusal(web, key) == (101, "")
    # A header that is no good is not made up for by a cookie.
    assert refusal(web, "nonsense", Cookie=cookie, Origin=web.origin) == (401, "authentication_failed")

    assert refusal(web, Cookie=cookie) == wrong, "no Origin"
    for origin in FOREIGN:
        origin = origin.format(host=web.host)
        assert refusal(web, Cookie=cookie, Origin=origin) == wrong, origin
        assert refusal(web, key, Origin=origin) == wrong, origin
        assert stream_refusal(web, Cookie=cookie, Origin=origin) == wrong, origin
    for origin in (web.origin, "https://console.example.com"):
        assert refusal(web, Cookie=cookie, Origin=origin) == (101, "")
        assert stream_refusal(web, Cookie=cookie, Origin=origin) == (200, "")
    assert refusal(web, Cookie="sessionid=" + "a" * 32, Origin=web.origin) == (401, "not_authenticated")

    assert stream_refusal(web) == (401, "not_authenticated")
    assert stream_refusal(web, **bearer) == (200, "")
    assert stream_refusal(web, Cookie=cookie) == wrong
    assert stream_refusal(web, Cookie=cookie, Sec_Fetch_Site="cross-site") == wrong
    assert stream_refusal(web, Cookie=cookie, Sec_Fetch_Site="same-site") == wrong
    assert stream_refusal(web, Cookie=cookie, Sec_Fetch_Site="same-origin") == (200, "")
    assert refusal(web, Cookie=cookie, Sec_Fetch_Site="same-origin") == wrong, "sockets always say their origin"


def test_topics_are_refused_in_the_words_of_the_api(
    web: Web, cast: Cast, make_key: MakeKey, client_of: ClientOf, job_of: MakeJob, run_of: RunJob
) -> None:
    job = job_of()
    execution = run_of(job)
    topics = ["tenant:acme", f"job:{job.pk}", f"exec:{execution.pk}"]
    paths = [None, f"/api/v1/jobs/{job.pk}", f"/api/v1/executions/{execution.pk}"]
    globex = make_key(tenant=cast.globex)[1]
    blind = make_key(Scope.SCHEDULER_RUN.value)[1]
    for key, code, also in ((globex, "other_tenant", []), (blind, "missing_scope", ["workers", "scheduler"])):
        with web.socket(key) as socket:
            for topic, path in zip([*topics, *also], [*paths, *[None] * len(also)], strict=True):
                error = socket.listen(topic)["error"]
                assert (error["status"], error["code"]) == (403, code), topic
                if path and code == "other_tenant":
                    assert error["message"] == client_of(key).get(path).json()["error"]["message"]
                if code == "missing_scope":
                    assert "needs the scope scheduler:read" in error["message"]
        with web.stream(f"topics=workers,{topics[1]}", Authorization=f"Bearer {key}") as answer:
            assert answer.status == 403
            assert json.loads(answer.read())["error"]["code"] == code
    with web.socket(make_key()[1]) as socket:
        for topic in ("job:987654321", "exec:987654321"):
            assert socket.listen(topic)["error"]["code"] == "not_found"
        assert socket.listen("tenant:nobody")["error"]["code"] == "other_tenant", (
            "nobody learns which tenants there are"
        )
        for topic in (
            "",
            "jobs",
            "job:",
            "job:x",
            "job:0",
            "exec:-1",
            "tenant:a b",
            "tenant:*",
            "job:1\n",
            "x" * 5_000,
        ):
            assert socket.listen(topic)["error"]["code"] == "invalid", topic
        assert socket.listen(*topics)["topics"] == topics, "and the connection lives"


def test_it_only_reads(web: Web, make_key: MakeKey, job_of: MakeJob) -> None:
    job = job_of()
    before = Job.objects.get().updated_at
    frames: list[Any] = [
        {"cancel": 1}, {"op": "run", "job": job.pk}, {"subscribe": "workers"}, {"subscribe": [7]}, {"since": []}, [],
        7, None, {"subscribe": ["workers"], "since": {"workers": "1.1"}},
        {"subscribe": ["exec:1"], "since": {"exec:1": 5}},
        {"subscribe": [f"job:{n}" for n in range(1, 52)]},
    ]  # fmt: skip
    texts = [*map(json.dumps, frames), "", "{", "[" * 30_000, '{"subscribe": ["\ud83d"]}'.replace("\ud83d", "\\ud83d")]
    with web.socket(make_key()[1]) as socket:
        for text in texts:
            socket.connection.send(text)
            answer = socket.wait_for(lambda message: message["type"] == "refused")
            assert answer["error"]["code"] == "invalid", text[:80]
        socket.listen("workers")
    assert Job.objects.get().updated_at == before


def test_who_asks_for_too_much_is_cut_off(web: Web, make_key: MakeKey) -> None:
    key = make_key()[1]
    with web.socket(key) as socket:
        # Until it is cut off, which may come between any two, as soon as more than twenty are read within a second.
        ends_at = time.monotonic() + 15
        with suppress(ConnectionClosed):
            while time.monotonic() < ends_at:
                socket.say(unsubscribe=[])
        assert cut_code(socket) == (1008, "flood")
    with web.socket(key) as socket:
        socket.connection.send("x" * 65_537)
        assert cut_code(socket)[0] == 1009
    with web.socket(key) as socket:
        socket.connection.send(b"\x00")
        assert cut_code(socket) == (1003, "not_text")
    assert refusal(web, key) == (101, "")


def test_a_caller_has_five_connections_over_all_processes(web: Web, make_key: MakeKey) -> None:
    row, key = make_key()
    label = f"key:{row.prefix}"
    elsewhere = [Slot(label), Slot(label)]  # this process is another one
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(web.socket(key))
        stack.enter_context(web.stream("topics=workers", Authorization=f"Bearer {key}"))
        assert refusal(web, key) == (429, "too_many_connections")
        assert stream_refusal(web, Authorization=f"Bearer {key}") == (429, "too_many_connections")
        with pytest.raises(NoSlot, match="as many as it may have"):
            Slot(label)
        assert refusal(web, make_key()[1]) == (101, ""), "others have theirs"
        elsewhere.pop().give_up()
        assert refusal(web, key) == (101, "")
    wait_for(lambda: redis.Redis.from_url(settings.CELERY_BROKER_URL).zcard(f"daybook:live:connections:{label}") == 1)
    elsewhere.pop().give_up()


def test_what_is_taken_away_is_noticed(
    web: Web, cast: Cast, make_key: MakeKey, client_of: ClientOf, job_of: MakeJob
) -> None:
    """Each within moments; the web process of these tests looks every half a second."""
    job = job_of()
    first, second = make_key(), make_key()
    olaf = cookie_of(cast.olaf)
    with ExitStack() as stack:
        by_key = stack.enter_context(web.socket(first[1]))
        stream = stack.enter_context(web.stream("topics=workers", Authorization=f"Bearer {second[1]}"))
        by_cookie = stack.enter_context(web.socket(Cookie=cookie_of(cast.ana), Origin=web.origin))
        signed_out = stack.enter_context(web.socket(Cookie=olaf, Origin=web.origin))
        of_vera = stack.enter_context(web.socket(Cookie=cookie_of(cast.vera), Origin=web.origin))
        for socket in (by_key, by_cookie, signed_out, of_vera):
            assert socket.listen(f"job:{job.pk}")["type"] == "subscribed"
        ApiKey.objects.filter(pk__in=[first[0].pk, second[0].pk]).update(revoked_at=timezone.now())
        User.objects.filter(pk=cast.ana.pk).update(is_active=False)
        Session.objects.filter(pk=olaf.partition("=")[2]).delete()
        Membership.objects.filter(user=cast.vera).delete()

        for socket in (by_key, by_cookie, signed_out):
            assert cut_code(socket) == (4401, "unauthenticated")
        assert [message["type"] for _, message in events(stream)][-1] == "closing"
        lost = of_vera.wait_for(lambda message: message["type"] == "refused")
        assert (lost["topic"], lost["error"]["code"]) == (f"job:{job.pk}", "other_tenant")


def test_a_ticket_opens_one_connection(web: Web, cast: Cast, make_key: MakeKey, client_of: ClientOf) -> None:
    _, key = make_key()
    cookie = cookie_of(cast.ana)
    client = client_of(cast.ana)
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie.partition("=")[2]

    def ticket(who: Any) -> str:
        answer = who.send("POST", "/api/v1/live/tickets")
        assert answer.status_code == 201
        assert answer["Cache-Control"] == "no-store"
        return str(answer.json()["ticket"])

    store = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    first = ticket(client_of(key))
    kept = {name: store.get(name) for name in store.scan_iter("daybook:live:ticket:*")}
    assert all(0 < store.ttl(name) <= 30 for name in kept)
    everything = b" ".join([*kept, *filter(None, kept.values())])
    assert kept
    assert not any(secret.encode() in everything for secret in (key, first))

    with web.socket(query=f"?ticket={first}") as socket:
        assert socket.listen("tenant:acme")["type"] == "subscribed"
        assert socket.listen("tenant:globex")["error"]["code"] == "other_tenant"
        for wrong in (first, "x", "A" * 43, "%00"):
            with pytest.raises(InvalidStatus) as refused, web.socket(query=f"?ticket={wrong}"):
                pass
            assert refused.value.response.status_code == 401
            assert b"unknown_ticket" in (refused.value.response.body or b"")
        ApiKey.objects.update(revoked_at=timezone.now())
        assert cut_code(socket) == (4401, "unauthenticated"), "what it stands for is looked at again, too"

    of_ana = ticket(client)
    with pytest.raises(InvalidStatus), web.socket(query=f"?ticket={of_ana}", Origin="https://evil.example"):
        pass
    with web.stream(f"topics=tenant:acme&ticket={ticket(client)}") as stream:
        assert stream.status == 200
        assert next(events(stream))[1]["topics"] == ["tenant:acme"]
    assert web.process.get(f"/api/v1/jobs?ticket={ticket(client)}").status == 401, "it opens nothing else"


def test_a_ticket_of_who_only_sees_notifications_opens_them_and_nothing_else(
    web: Web, make_key: MakeKey, client_of: ClientOf
) -> None:
    client = client_of(make_key("notifications:read")[1])
    with web.socket(query=f"?ticket={client.send('POST', '/api/v1/live/tickets').json()['ticket']}") as socket:
        assert socket.listen("notifications")["type"] == "subscribed"
        assert socket.listen("tenant:acme")["error"]["code"] == "missing_scope"
    nothing_to_hear = client_of(make_key("keys:read")[1])
    assert nothing_to_hear.send("POST", "/api/v1/live/tickets").status_code == 403


def test_the_paths_beside_it_are_closed(web: Web, make_key: MakeKey) -> None:
    headers = {"Authorization": f"Bearer {make_key()[1]}"}
    for path in ("/", "/ws", "/ws/other", "/api/v1/live", "/ws/live/more"):
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{web.host}{path}", additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == 403
