"""What is remembered of keys: by this process for moments, by Redis for while PostgreSQL is away. Never their text."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.signing import Signer
from django.db import OperationalError, connection, connections
from django.utils import timezone

from accounts import keys, last_known, memory, tokens
from accounts.grants import SYSTEM
from accounts.keys import recognition, text
from accounts.models import ApiKey
from accounts.scopes import Scope
from scheduler_project.lib import quick_redis
from tests.cast import Cast, ClientOf, MakeKey, secret_of
from tests.services import NO_REDIS

pytestmark = pytest.mark.django_db


@contextmanager
def postgres_away() -> Iterator[None]:
    def fail(*_: Any) -> Any:
        raise OperationalError("the server is away")

    with connection.execute_wrapper(fail):
        yield


def redis_holds(*needles: str) -> list[str]:
    """Which of them stand anywhere in Redis, in names or values."""

    def dump(redis: Any) -> bytes:
        found = []
        for name in redis.scan_iter(count=1000):
            value = redis.get(name) if redis.type(name) == b"string" else pickle.dumps(redis.dump(name))
            found.append(name + b" " + (value or b""))
        return b"\n".join(found)

    everything = quick_redis.ask(dump)
    assert b"last-known:key:" in everything
    return [needle for needle in needles if needle.encode() in everything]


class TestInThisProcess:
    def test_asks_once_and_then_not_again(self, make_key: MakeKey, django_assert_num_queries: Any) -> None:
        _, known = make_key()
        forged = known[:-4] + ("AAAA" if known[-4:] != "AAAA" else "BBBB")
        with django_assert_num_queries(2):
            for _ in range(5):
                keys.recognise(known, now=timezone.now())
                with pytest.raises(keys.UnknownKey, match="not known"):
                    keys.recognise(forged, now=timezone.now())

    def test_goes_by_the_clock_all_the_same(self, make_key: MakeKey) -> None:
        now = timezone.now()
        _, known = make_key(expires_at=now + timedelta(seconds=2))
        assert keys.recognise(known, now=now)
        with pytest.raises(keys.UnknownKey, match="expired"):
            keys.recognise(known, now=now + timedelta(seconds=2))

    def test_holds_no_text_of_a_key(self, make_key: MakeKey) -> None:
        _, known = make_key()
        keys.recognise(known, now=timezone.now())
        held = pickle.dumps(list(recognition._known._entries.items()))
        assert text.digest(known).encode() in held
        assert secret_of(known).encode() not in held

    def test_forgets_at_once_what_is_revoked_here(self, make_key: MakeKey) -> None:
        key, known = make_key()
        keys.recognise(known, now=timezone.now())
        keys.revoke(key.pk, by=SYSTEM)
        with pytest.raises(keys.UnknownKey, match="revoked"):
            keys.recognise(known, now=timezone.now())

    def test_forgets_at_once_when_the_tenant_or_the_row_is_saved(self, cast: Cast, make_key: MakeKey) -> None:
        key, known = make_key()
        keys.recognise(known, now=timezone.now())
        cast.acme.is_active = False
        cast.acme.save()
        with pytest.raises(keys.UnknownKey, match="not active"):
            keys.recognise(known, now=timezone.now())
        key.delete()
        with pytest.raises(keys.UnknownKey, match="not known"):
            keys.recognise(known, now=timezone.now())

    def test_is_not_driven_out_by_guesses(self, make_key: MakeKey, django_assert_num_queries: Any) -> None:
        _, known = make_key()
        keys.recognise(known, now=timezone.now())
        for number in range(1_100):
            recognition._unknown.read(f"guess {number}", lambda: True)
        assert len(recognition._unknown) == 1_000
        with django_assert_num_queries(0):
            keys.recognise(known, now=timezone.now())


def use_until_refused(kind: str, text: str, said: Any) -> None:
    """In a process of its own: the moment of the first good use, and the first of a refusal."""

    def use() -> None:
        if kind == "key":
            keys.recognise(text, now=timezone.now())
        else:
            tokens.recognise(text)

    connections.close_all()
    quick_redis._clients.clear()
    memory._forget_now()
    use()
    said.put(time.monotonic())
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        try:
            use()
        except (keys.UnknownKey, tokens.UnknownToken):
            said.put(time.monotonic())
            return
        time.sleep(0.005)


@pytest.mark.django_db(transaction=True)
def test_other_processes_refuse_what_was_taken_away_within_the_bound(
    cast: Cast, make_key: MakeKey, settings: Any
) -> None:
    settings.DAYBOOK_CREDENTIAL_CACHE = timedelta(seconds=0.6)
    key, of_key = make_key()
    ended, of_disabled = tokens.start(cast.ana), tokens.start(cast.olaf).access
    connections.close_all()
    context = multiprocessing.get_context("fork")
    said: Any = context.Queue()
    credentials = (("key", of_key), ("token", ended.access), ("token", of_disabled))
    others = [context.Process(target=use_until_refused, args=(*credential, said)) for credential in credentials]
    for other in others:
        other.start()
    used = max(said.get(timeout=20) for _ in others)
    keys.revoke(key.pk, by=SYSTEM)
    tokens.end(ended.refresh)
    User.objects.filter(pk=cast.olaf.pk).update(is_active=False)
    taken_away = time.monotonic()
    refused = [said.get(timeout=20) for _ in others]
    for other in others:
        other.join(5)
    assert used < taken_away
    assert max(refused) - taken_away < 0.6 + 0.3  # the time that a loaded machine takes for one look


class TestLastKnown:
    def test_lets_a_key_read_while_postgresql_is_away(self, make_key: MakeKey, client_of: ClientOf) -> None:
        key, known = make_key(Scope.SCHEDULER_READ, Scope.SCHEDULER_WRITE)
        client = client_of(known)
        assert client.get("/api/v1/me").status_code == 200
        memory._forget_now()
        with postgres_away():
            last = keys.last_known(known, now=timezone.now())
            refused = client.send("POST", "/api/v1/pools", {"name": "x", "size": 1})
        assert last is not None
        assert (last.pk, last.tenant.slug, last.scopes) == (key.pk, "acme", ["scheduler:read", "scheduler:write"])
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        assert refused.headers["Retry-After"]

    def test_knows_of_no_key_that_was_revoked_or_never_seen(self, make_key: MakeKey) -> None:
        key, known = make_key()
        assert keys.last_known(known, now=timezone.now()) is None
        keys.recognise(known, now=timezone.now())
        row = ApiKey.objects.select_related("tenant").get(pk=key.pk)
        last_known.forget("key", key.digest)
        assert keys.last_known(known, now=timezone.now()) is None
        recognition._keep_last(row)  # a process that has read the row before it was revoked
        assert keys.last_known(known, now=timezone.now()) is None

    def test_is_struck_out_by_revoking(self, make_key: MakeKey, django_capture_on_commit_callbacks: Any) -> None:
        key, known = make_key()
        keys.recognise(known, now=timezone.now())
        assert keys.last_known(known, now=timezone.now())
        with django_capture_on_commit_callbacks(execute=True):
            keys.revoke(key.pk, by=SYSTEM)
        assert keys.last_known(known, now=timezone.now()) is None

    def test_ends_with_the_key_and_with_the_quarter_of_an_hour(self, make_key: MakeKey) -> None:
        key, known = make_key(expires_at=timezone.now() + timedelta(minutes=1))
        keys.recognise(known, now=timezone.now())
        with pytest.raises(keys.UnknownKey, match="expired"):
            keys.last_known(known, now=timezone.now() + timedelta(minutes=2))
        place = last_known._place("key", key.digest)
        assert 890 < quick_redis.ask(lambda redis: redis.ttl(place)) <= 900

    def test_holds_nothing_that_opens_anything(self, make_key: MakeKey) -> None:
        key, known = make_key()
        keys.recognise(known, now=timezone.now())
        assert redis_holds(known, secret_of(known), key.digest) == []

    def test_believes_nobody_who_can_write_to_redis(self, make_key: MakeKey) -> None:
        narrow, of_narrow = make_key(Scope.SCHEDULER_READ)
        wide, of_wide = make_key()
        for known in (of_narrow, of_wide):
            keys.recognise(known, now=timezone.now())
        place, other = (last_known._place("key", key.digest) for key in (narrow, wide))
        forged = Signer(key="another key", salt="daybook.last-known").sign_object({"place": place})
        for planted in (quick_redis.ask(lambda redis: redis.get(other)), forged, b"{}", b"\xff\xfe", b""):
            quick_redis.ask(lambda redis, planted=planted: redis.set(place, planted))
            assert keys.last_known(of_narrow, now=timezone.now()) is None

    def test_is_done_without_when_redis_is_away(self, make_key: MakeKey, settings: Any) -> None:
        settings.CELERY_BROKER_URL = NO_REDIS
        key, known = make_key()
        assert keys.recognise(known, now=timezone.now()) == key
        assert keys.last_known(known, now=timezone.now()) is None
        assert keys.revoke(key.pk, by=SYSTEM)
