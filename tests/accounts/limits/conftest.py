"""Fixtures of the tests of limits: buckets that nobody has touched, and a process that has forgotten everything."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from accounts.limits import taking
from accounts.limits.rates import Algorithm, Bucket, Rate
from accounts.limits.table import TABLE

NewBucket = Callable[..., Bucket]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    TABLE.forget()
    taking.OWN.clear()


@pytest.fixture
def new_bucket() -> NewBucket:
    def make(per_minute: int = 100, burst: int | None = None, algorithm: str = "bucket") -> Bucket:
        rate = Rate(per_minute, per_minute if burst is None else burst, Algorithm(algorithm))
        return Bucket(f"test-{secrets.token_hex(4)}", "read", rate)

    return make
