"""What reads of status answered last, in Redis: shown again, and marked as stale, while PostgreSQL does not answer.

Only to the same caller with the same scopes to read. Whether a credential is still good is decided before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import zlib
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode

import redis
from django.conf import settings
from django.db.utils import InterfaceError, OperationalError
from rest_framework.request import Request
from rest_framework.response import Response

from scheduler_project.api.principal import Principal
from scheduler_project.lib import quick_redis
from scheduler_project.lib.background import Background
from scheduler_project.lib.patient_postgres.connection import DatabaseIsAway
from scheduler_project.lib.quick_redis import RedisIsAway
from scheduler_project.lib.requests import TENANT_HEADER

LARGEST = 65_536  # bytes of an answer
SECONDS = 600
MOST = 200  # answers of one caller; then those before are dropped
AGAIN = 1.0  # seconds in which one process keeps an answer to the same question only once
WAITING = 500  # answers on their way to Redis; more are dropped
AT_ONCE = 50
LOST = ("08", "57P")  # of SQLSTATE: the connection, or the server itself, is gone

KEEP = """
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
"""


@dataclass(frozen=True)
class Place:
    """Where the answer to a question of a caller lies."""

    caller: str
    question: str

    @property
    def key(self) -> str:
        return f"{quick_redis.PREFIX}seen:{self.caller}"


def is_outage(error: Exception) -> bool:
    """Whether an error of the database means that it is away, and not that it refused something."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return isinstance(error.__cause__, DatabaseIsAway) or state is None or state.startswith(LOST)


def keep(request: Request, response: Response) -> None:
    """Once the answer is written. Sessions live in PostgreSQL themselves, so nothing is kept for them."""
    caller = getattr(request, "_auth", None)
    if isinstance(caller, Principal) and caller.via != "session" and response.status_code == 200:
        place = _place(caller, request)
        response.add_post_render_callback(lambda written: KEEPER.put(place, written.content))


def find(request: Request) -> Response | None:
    """The last answer to the same question of the same caller, marked as stale."""
    caller = getattr(request, "_auth", None)  # to ask for `auth` would be to ask once more who calls
    if not isinstance(caller, Principal):
        return None
    place = _place(caller, request)
    try:
        found = quick_redis.ask(lambda client: client.hget(place.key, place.question))
    except RedisIsAway:
        return None
    opened = _opened(place, cast(bytes, found)) if found else None
    if opened is None:
        return None
    at, body = opened
    since = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    headers = {"Warning": '110 daybook "Response is Stale"', "Age": str(max(0, int(time.time() - at)))}
    return Response({**body, "stale": True, "stale_since": since}, headers=headers)


def _place(caller: Principal, request: Request) -> Place:
    reads = {
        str(tenant_id): sorted(scope for scope in scopes if scope.endswith(":read"))
        for tenant_id, scopes in caller.scopes.items()
    }
    query = urlencode(sorted(request.query_params.items()))
    question = f"{request.path.rstrip('/')}?{query} {request.headers.get(TENANT_HEADER, '')}"
    return Place(_digest(json.dumps([caller.label, caller.is_superuser, reads], sort_keys=True)), _digest(question))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


# --- how it lies there: signed, so that whoever can write to Redis cannot make anybody believe anything --------------


def _sealed(place: Place, content: bytes, at: float) -> bytes:
    packed = f"{at:.3f}\n".encode() + zlib.compress(content, 1)
    return _signature(place, packed) + packed


def _opened(place: Place, sealed: bytes) -> tuple[float, dict[str, Any]] | None:
    signature, packed = sealed[:32], sealed[32:]
    if not hmac.compare_digest(signature, _signature(place, packed)):
        return None
    at, _, compressed = packed.partition(b"\n")
    if time.time() - float(at) > SECONDS:
        return None
    body = json.loads(zlib.decompress(compressed))
    return (float(at), body) if isinstance(body, dict) else None


def _signature(place: Place, packed: bytes) -> bytes:
    key = f"daybook.last-seen:{settings.SECRET_KEY}".encode()
    return hmac.digest(key, f"{place.caller}{place.question}".encode() + packed, "sha256")


# --- how it gets there: by a thread, so that no request waits for it -------------------------------------------------


class Keeper:
    def __init__(self) -> None:
        self._waiting = Background[tuple[Place, bytes, float]]("last seen", _store, most=WAITING, at_once=AT_ONCE)
        self._recent: OrderedDict[Place, float] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, place: Place, content: bytes) -> None:
        now = time.monotonic()
        if len(content) > LARGEST or self._waiting.is_full or now - self._recent.get(place, -AGAIN) < AGAIN:
            return
        with self._lock:
            self._recent[place] = now
            self._recent.move_to_end(place)
            while len(self._recent) > 10 * WAITING:
                self._recent.popitem(last=False)
        self._waiting.put((place, content, time.time()))


def _store(answers: list[tuple[Place, bytes, float]]) -> None:
    """Without Redis they are gone."""
    with suppress(RedisIsAway):
        quick_redis.ask(lambda client: _add(client, answers))


def _add(client: redis.Redis, answers: list[tuple[Place, bytes, float]]) -> None:
    pipeline = client.pipeline(transaction=False)
    for place, content, at in answers:
        pipeline.eval(KEEP, 1, place.key, place.question, _sealed(place, content, at), MOST, SECONDS)
    pipeline.execute()


KEEPER = Keeper()
