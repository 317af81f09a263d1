"""Takes secrets out of running text by what stands before them or by their form: log lines, errors, tracebacks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MASK = "***"

NAMES = ("password", "passwd", "passphrase", "secret", "token", "authorization", "cookie")
KEYS = ("api_key", "apikey", "access_key", "accesskey", "private_key", "privatekey")
ENDINGS = NAMES + KEYS
HINTS = (*NAMES, "key")  # found in a fraction of the time that the pattern takes

# `password=x`, `"token": "x"`, `Authorization: Bearer x`
NAMED = re.compile(
    rf"""((?:{"|".join(NAMES)}|(?:api|access|private)[_-]?key)["']?\s{{0,3}}[:=]\s{{0,3}})
         (?: "[^"\n]*" | '[^'\n]*' | (?:(?:bearer|basic|token)\s+)?["']?[^\s"',;&)\]}}]+ )""",
    re.IGNORECASE | re.VERBOSE,
)
IN_ADDRESS = re.compile(r"(://[^\s/:@]{0,100}:)[^\s/@]{1,200}(?=@)")
API_KEY = re.compile(r"(\bsch_[a-z]+_[0-9A-Za-z]{1,16}_)[\w-]{16,}")
JSON_WEB_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
BEARER = re.compile(r"(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE)


_also: list[Callable[[str], str]] = []


@contextmanager
def also(masker: Callable[[str], str]) -> Iterator[None]:
    """For as long as the block runs, `mask` takes out what this one does, too: in every thread of the process."""
    _also.append(masker)
    try:
        yield
    finally:
        _also.remove(masker)


def mask_named(text: str) -> str:
    """The text without what stands after a telling name, and without passwords in addresses."""
    if "://" in text:
        text = IN_ADDRESS.sub(rf"\g<1>{MASK}", text)
    if _may_name_secrets(text):
        text = NAMED.sub(rf"\g<1>{MASK}", text)
    return text


def mask(text: str) -> str:
    """The same, and without what is a credential by its form: API keys (all but their prefix) and tokens."""
    text = mask_named(text)
    for masker in tuple(_also):
        text = masker(text)
    if "sch_" in text:
        text = API_KEY.sub(rf"\g<1>{MASK}", text)
    if "eyJ" in text:
        text = JSON_WEB_TOKEN.sub(MASK, text)
    if "earer" in text or "BEARER" in text or "asic " in text:
        text = BEARER.sub(rf"\g<1>{MASK}", text)
    return text


def _may_name_secrets(text: str) -> bool:
    if ":" not in text and "=" not in text:
        return False
    lowered = text.lower()
    return any(hint in lowered for hint in HINTS)
