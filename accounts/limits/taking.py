"""Takes a request from its buckets: from those in Redis that all processes share, or from this process's own."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import redis

from accounts.limits.rates import WINDOW, Bucket, Kind, Rate, whole_seconds
from scheduler_project.lib import quick_redis
from scheduler_project.lib.quick_redis import RedisIsAway

SCRIPT = Path(__file__).with_name("take.lua").read_text()
SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
MOST_OWN = 10_000  # buckets of this process; the one that was used least lately makes room


class LimiterUnavailable(Exception):
    """What may only be done while requests are counted exactly; nothing was done."""


@dataclass(frozen=True)
class Verdict:
    """What became of a request, by the bucket that is nearest to its end."""

    is_allowed: bool
    bucket: Bucket
    remaining: int
    seconds_until_one: float
    seconds_until_full: float
    is_local: bool = False

    @property
    def retry_after(self) -> int:
        return whole_seconds(self.seconds_until_one)

    @property
    def headers(self) -> dict[str, str]:
        policy = self.bucket.rate.policy
        found = {
            "RateLimit-Limit": str(self.bucket.rate.per_minute),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(whole_seconds(self.seconds_until_full) if self.seconds_until_full > 0 else 0),
            "RateLimit-Policy": f'{policy};comment="local"' if self.is_local else policy,
        }
        return {**found, "Daybook-Degraded": "rate-limit-local"} if self.is_local else found


def take(buckets: Sequence[Bucket], *, kind: str) -> Verdict | None:
    """None when nothing limits the request. Raises `LimiterUnavailable`."""
    if not buckets:
        if kind == Kind.KEYS:
            require_redis()
        return None
    try:
        answers = quick_redis.ask(lambda server: _ask(server, buckets))
    except RedisIsAway as error:
        if kind == Kind.KEYS:
            raise LimiterUnavailable(_refusal()) from error
        return OWN.take(buckets)
    return _nearest(
        [
            Verdict(bool(has_one), bucket, left, wait / 1e6, full / 1e6)
            for bucket, (has_one, left, wait, full) in zip(buckets, answers, strict=True)
        ]
    )


def require_redis() -> None:
    """For what may not be done uncounted, such as making credentials. Raises `LimiterUnavailable`."""
    try:
        quick_redis.ask(lambda server: server.ping())
    except RedisIsAway as error:
        raise LimiterUnavailable(_refusal()) from error


def _refusal() -> str:
    return "Redis does not answer, so requests cannot be counted; credentials are not made or changed meanwhile."


def _ask(server: redis.Redis, buckets: Sequence[Bucket]) -> list[list[int]]:
    keys = [bucket.key for bucket in buckets]
    values: list[Any] = [secrets.token_hex(6)]
    for bucket in buckets:
        values += [bucket.rate.algorithm.value, bucket.rate.per_minute, bucket.rate.burst]
    try:
        answer = server.evalsha(SHA, len(keys), *keys, *values)
    except redis.exceptions.NoScriptError:
        answer = server.eval(SCRIPT, len(keys), *keys, *values)
    return cast(list[list[int]], answer)


def _nearest(verdicts: list[Verdict]) -> Verdict:
    refusals = [verdict for verdict in verdicts if not verdict.is_allowed]
    if refusals:
        return max(refusals, key=lambda verdict: verdict.seconds_until_one)
    return min(verdicts, key=lambda verdict: verdict.remaining)


class OwnBuckets:
    """A quarter of each rate, counted by this process alone."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, buckets: Sequence[Bucket]) -> Verdict:
        now = time.monotonic()
        with self._lock:
            rates = [bucket.rate.quarter() for bucket in buckets]
            found = [self._refilled(bucket, rate, now) for bucket, rate in zip(buckets, rates, strict=True)]
            is_allowed = min(found) >= 1
            verdicts = []
            for bucket, rate, tokens in zip(buckets, rates, found, strict=True):
                left = tokens - 1 if is_allowed else tokens
                self._tokens[bucket.key] = (left, now)
                self._tokens.move_to_end(bucket.key)
                a_second = rate.per_minute / WINDOW
                wait = max(0.0, (1 - tokens) / a_second)
                own = Bucket(bucket.owner, bucket.endpoint, rate)
                until_full = (rate.burst - left) / a_second
                verdicts.append(Verdict(tokens >= 1, own, int(left), wait, until_full, is_local=True))
            while len(self._tokens) > MOST_OWN:
                self._tokens.popitem(last=False)
        return _nearest(verdicts)

    def _refilled(self, bucket: Bucket, rate: Rate, now: float) -> float:
        tokens, at = self._tokens.get(bucket.key, (float(rate.burst), now))
        return min(float(rate.burst), tokens + (now - at) * rate.per_minute / WINDOW)

    def clear(self) -> None:
        with self._lock:
            self._tokens.clear()


OWN = OwnBuckets()
