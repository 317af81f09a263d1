"""When keys were last used: noted on the way, written by the sweep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from accounts.keys import usage
from accounts.models import ApiKey
from scheduler_project.lib import quick_redis
from tests.cast import ClientOf, MakeKey
from tests.services import NO_REDIS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_noted() -> None:
    quick_redis.ask(lambda redis: redis.delete(usage.NOTED, usage.TAKEN))
    usage._noted_here.clear()


def last_used(key: ApiKey) -> datetime | None:
    return ApiKey.objects.values_list("last_used_at", flat=True).get(pk=key.pk)


class TestSweep:
    def test_writes_what_a_request_noted(self, make_key: MakeKey, client_of: ClientOf) -> None:
        key, text = make_key()
        other, _ = make_key()
        before = timezone.now()
        assert client_of(text).get("/api/v1/me").status_code == 200
        assert last_used(key) is None
        assert keys.write_last_used() == 1
        noted = last_used(key)
        assert noted is not None
        assert before <= noted <= timezone.now()
        assert last_used(other) is None
        assert keys.write_last_used() == 0

    def test_never_goes_back_and_never_ahead(self, make_key: MakeKey) -> None:
        key, _ = make_key()
        now = datetime(2026, 11, 1, tzinfo=UTC)
        for at, stored in ((now, now), (now - timedelta(hours=1), now)):
            usage._noted_here.clear()
            keys.note_used(key.prefix, at)
            keys.write_last_used()
            assert last_used(key) == stored
        usage._noted_here.clear()
        keys.note_used(key.prefix, timezone.now() + timedelta(days=400))
        keys.write_last_used()
        noted = last_used(key)
        assert noted is not None
        assert noted <= timezone.now()

    def test_goes_on_with_what_a_broken_off_one_took(self, make_key: MakeKey) -> None:
        first, _ = make_key()
        second, _ = make_key()
        keys.note_used(first.prefix, timezone.now())
        quick_redis.ask(usage._take)  # and then it is killed
        keys.note_used(second.prefix, timezone.now())
        assert keys.write_last_used() == 1
        assert keys.write_last_used() == 1
        assert last_used(first)
        assert last_used(second)

    def test_passes_over_what_no_process_of_ours_has_noted(self, make_key: MakeKey) -> None:
        key, _ = make_key()
        planted = {key.prefix: "soon", "no such key": "1700000000", "": "nan", "'; --": "1e400"}
        quick_redis.ask(lambda redis: redis.hset(usage.NOTED, mapping=planted))
        assert keys.write_last_used() == 0
        assert last_used(key) is None


class TestNote:
    def test_asks_redis_once_in_a_while(self, make_key: MakeKey) -> None:
        key, _ = make_key()
        for seconds in range(3):
            keys.note_used(key.prefix, datetime(2026, 11, 1, 0, 0, seconds, tzinfo=UTC))
        keys.write_last_used()
        assert last_used(key) == datetime(2026, 11, 1, tzinfo=UTC)

    def test_is_done_again_at_the_next_use_when_redis_was_away(self, make_key: MakeKey, settings: Any) -> None:
        key, _ = make_key()
        url = settings.CELERY_BROKER_URL
        settings.CELERY_BROKER_URL = NO_REDIS
        keys.note_used(key.prefix, timezone.now())
        assert keys.write_last_used() == 0
        settings.CELERY_BROKER_URL = url
        keys.note_used(key.prefix, timezone.now())
        assert keys.write_last_used() == 1
