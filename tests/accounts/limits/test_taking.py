"""Buckets in Redis that all processes share, and those of one process when Redis is away."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

import pytest
from django.test import override_settings

from accounts.limits import taking
from accounts.limits.rates import Bucket, Kind, Rate
from accounts.limits.taking import LimiterUnavailable
from scheduler_project.lib import quick_redis
from tests.accounts.limits.conftest import NewBucket
from tests.services import NO_REDIS

ROUNDS = 60


def take(*buckets: Bucket, kind: str = Kind.READ) -> taking.Verdict:
    verdict = taking.take(buckets, kind=kind)
    assert verdict is not None
    return verdict


def hammer(bucket: Bucket, results: Any) -> None:
    quick_redis._clients.clear()  # the parent's connection is the parent's
    quick_redis.PATIENCE = 10.0  # on a busy machine, too: this is about numbers
    results.put(sum(take(bucket).is_allowed for _ in range(ROUNDS)))


class TestSharedBucket:
    @pytest.mark.parametrize("algorithm", ["bucket", "window"])
    def test_is_exact_over_four_processes(self, new_bucket: NewBucket, algorithm: str) -> None:
        bucket = new_bucket(100, algorithm=algorithm)
        context = multiprocessing.get_context("fork")
        results: Any = context.SimpleQueue()
        children = [context.Process(target=hammer, args=(bucket, results)) for _ in range(4)]
        began = time.monotonic()
        for child in children:
            child.start()
        for child in children:
            child.join(20)
        seconds = time.monotonic() - began
        allowed = sum(results.get() for _ in children)
        refilled = seconds * 100 / 60 if algorithm == "bucket" else 0
        assert 100 <= allowed <= 100 + refilled + 1
        assert 4 * ROUNDS > 2 * 100

    def test_tells_what_is_left_and_when_the_next_one_is_there(self, new_bucket: NewBucket) -> None:
        bucket = new_bucket(60, burst=2)
        first, second, third = (take(bucket) for _ in range(3))
        assert [first.remaining, second.remaining, third.remaining] == [1, 0, 0]
        assert [first.is_allowed, second.is_allowed, third.is_allowed] == [True, True, False]
        assert 0.5 < third.seconds_until_one <= 1
        assert third.retry_after == 1
        assert 1 < third.seconds_until_full <= 2

    def test_is_as_good_as_its_word(self, new_bucket: NewBucket) -> None:
        bucket = new_bucket(600, burst=1)  # one each tenth of a second
        assert take(bucket).is_allowed
        refused = take(bucket)
        assert not refused.is_allowed
        time.sleep(refused.seconds_until_one)
        assert take(bucket).is_allowed

    def test_that_refuses_takes_nothing_from_the_others(self, new_bucket: NewBucket) -> None:
        wide, narrow = new_bucket(100), new_bucket(1)
        assert take(wide, narrow).bucket == narrow  # the nearest to its end is told
        assert not take(wide, narrow).is_allowed
        assert take(wide).remaining == 98

    def test_heeds_a_limit_that_was_lowered_at_once(self, new_bucket: NewBucket) -> None:
        for algorithm in ("bucket", "window"):
            bucket = new_bucket(100, algorithm=algorithm)
            for _ in range(5):
                take(bucket)
            lower = Bucket(bucket.owner, bucket.endpoint, Rate(3, 3, bucket.rate.algorithm))
            verdicts = [take(lower).is_allowed for _ in range(4)]
            assert verdicts == ([True, True, True, False] if algorithm == "bucket" else [False] * 4)

    def test_goes_on_after_the_clock_went_back(self, new_bucket: NewBucket) -> None:
        """The server's clock was an hour ahead when it counted last."""
        ahead = int((time.time() + 3600) * 1e6)
        bucket, window = new_bucket(60, burst=1), new_bucket(1, algorithm="window")
        quick_redis.ask(lambda redis: redis.hset(bucket.key, mapping={"tokens": "0", "at": str(ahead)}))
        quick_redis.ask(lambda redis: redis.zadd(window.key, {"ahead": ahead}))
        assert take(bucket).seconds_until_one <= 1
        assert take(window).is_allowed

    def test_leaves_nothing_behind(self, new_bucket: NewBucket) -> None:
        for algorithm in ("bucket", "window"):
            bucket = new_bucket(60, algorithm=algorithm)
            take(bucket)
            assert 0 < quick_redis.ask(lambda redis, key=bucket.key: redis.pttl(key)) <= 61_000


class TestWindow:
    def test_frees_a_place_when_the_oldest_request_is_a_minute_old(self, new_bucket: NewBucket) -> None:
        bucket = new_bucket(2, algorithm="window")
        now = time.time()
        quick_redis.ask(lambda redis: redis.zadd(bucket.key, {"a": int((now - 59.7) * 1e6), "b": int(now * 1e6)}))
        refused = take(bucket)
        assert not refused.is_allowed
        assert 0 < refused.seconds_until_one <= 0.3
        time.sleep(refused.seconds_until_one)
        assert take(bucket).is_allowed


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _gone(self) -> Any:
        with override_settings(CELERY_BROKER_URL=NO_REDIS):
            yield

    def test_a_process_lets_a_quarter_through_and_says_so(self, new_bucket: NewBucket) -> None:
        bucket = new_bucket(100)
        verdicts = [take(bucket, kind=Kind.SUBMIT) for _ in range(30)]
        assert sum(verdict.is_allowed for verdict in verdicts) == 25
        headers = verdicts[-1].headers
        assert headers["Daybook-Degraded"] == "rate-limit-local"
        assert headers["RateLimit-Policy"] == '25;w=60;burst=25;comment="local"'
        assert verdicts[-1].retry_after in (2, 3)

    def test_credentials_are_not_made(self, new_bucket: NewBucket) -> None:
        for buckets in ([new_bucket()], []):
            with pytest.raises(LimiterUnavailable, match="Redis does not answer"):
                taking.take(buckets, kind=Kind.KEYS)
        with pytest.raises(LimiterUnavailable):
            taking.require_redis()

    def test_no_more_buckets_are_kept_than_there_is_room_for(
        self, new_bucket: NewBucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(taking, "MOST_OWN", 3)
        for _ in range(5):
            take(new_bucket())
        assert len(taking.OWN._tokens) == 3
