"""The cache holds JSON, and nothing that runs when it is read."""

from __future__ import annotations

import pickle

import pytest
from django.core.cache import cache

from scheduler_project.lib import quick_redis


@pytest.mark.parametrize("value", [1, "text", None, [1, {"a": [True, 2.5]}]])
def test_gives_back_what_was_stored(value: object) -> None:
    cache.set("value", value, timeout=30)
    assert cache.get("value", "nothing") == value


def test_counts() -> None:
    cache.set("count", 1, timeout=30)
    assert cache.incr("count") == 2


def test_refuses_what_is_no_json() -> None:
    with pytest.raises(TypeError):
        cache.set("value", object())


def test_runs_nothing_that_somebody_planted() -> None:
    key = cache.make_key("planted")
    quick_redis.ask(lambda redis: redis.set(key, pickle.dumps(ValueError("loaded")), ex=30))
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        cache.get("planted")
