"""How often signing in may fail within an hour: for one name, whoever tries it, and from one address.

An attempt counts before its password is looked at, and is taken back when that was right, so that many at once gain
nothing. Beyond a limit nothing is looked at: a right password does not get in either. The limit of a name does not
hold at an address from which the name has signed in of late, so that nobody is locked out by strangers.
"""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings

from accounts.sign_in import local
from scheduler_project.lib import quick_redis
from scheduler_project.lib.client_address import household
from scheduler_project.lib.quick_redis import RedisIsAway

WINDOW = 3_600  # seconds from the first failure
FAMILIAR = 30 * 86_400  # seconds in which an address stays one that the name has signed in from

BEGIN = """
local answers = {}
for number = 1, 2 do
    local count = redis.call('INCR', KEYS[number])
    if count == 1 then redis.call('EXPIRE', KEYS[number], ARGV[1]) end
    answers[number * 2 - 1] = count
    answers[number * 2] = redis.call('TTL', KEYS[number])
end
answers[5] = redis.call('EXISTS', KEYS[3])
return answers
"""
TAKE_BACK = """
for number = 1, 2 do
    if redis.call('EXISTS', KEYS[number]) == 1 then redis.call('DECR', KEYS[number]) end
end
redis.call('SET', KEYS[3], 1, 'EX', ARGV[1])
"""


class TooManySignIns(Exception):
    """`wait` seconds later there may be another. `is_first`: it is the first one refused within the hour."""

    def __init__(self, wait: int, *, is_first: bool) -> None:
        super().__init__(f"Too many sign-ins have failed. Try again in {max(1, -(-wait // 60))} minutes.")
        self.wait = max(1, wait)
        self.is_first = is_first


@dataclass(frozen=True)
class Attempt:
    name: str
    address: str

    @property
    def places(self) -> tuple[str, str, str]:
        """Hashes: what people type as their name may be their password."""
        name, address = _hash(_plain(self.name)), _hash(household(self.address))
        prefix = f"{quick_redis.PREFIX}sign-ins"
        return f"{prefix}:name:{name}", f"{prefix}:address:{address}", f"{prefix}:familiar:{name}:{address}"


def begin(name: str, address: str) -> Attempt:
    """Raises `TooManySignIns`."""
    attempt = Attempt(name, address)
    try:
        by_name, name_wait, by_address, address_wait, is_familiar = quick_redis.ask(
            lambda redis: redis.eval(BEGIN, 3, *attempt.places, WINDOW)
        )
    except RedisIsAway:
        by_name, name_wait, by_address, address_wait = local.counts.begin(attempt.places[:2], WINDOW)
        is_familiar = False
    most_by_name, most_by_address = settings.DAYBOOK_SIGN_INS_PER_NAME, settings.DAYBOOK_SIGN_INS_PER_ADDRESS
    if by_address > most_by_address:
        raise TooManySignIns(address_wait, is_first=by_address == most_by_address + 1)
    if by_name > most_by_name and not is_familiar:
        raise TooManySignIns(name_wait, is_first=by_name == most_by_name + 1)
    return attempt


def succeed(attempt: Attempt) -> None:
    local.counts.take_back(attempt.places[:2])
    with suppress(RedisIsAway):
        quick_redis.ask(lambda redis: redis.eval(TAKE_BACK, 3, *attempt.places, FAMILIAR))


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
