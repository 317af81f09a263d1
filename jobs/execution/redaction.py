"""Takes secrets out of what a run leaves behind: log lines, progress, result, error and traceback."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

from jobs.executions import Ending
from templates_registry import schema
from templates_registry.base import JobTemplate

MASK = "***"
SHORTEST = 4  # a shorter secret would be found everywhere
SHORTEST_PIECE = 8  # of an encoded form, or of a secret of several lines

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

_secretive: dict[type[JobTemplate], bool] = {}


class Redactor:
    """Knows the secrets of one run."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._known: re.Pattern[str] | None = None

    def register(self, secret: str) -> None:
        """From now on the value is masked, also in the forms that it takes in addresses, JSON and headers."""
        if len(secret) < SHORTEST:
            return
        self._forms.update(_forms(secret))
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(form) for form in longest_first))

    @staticmethod
    def concerns(template: type[JobTemplate]) -> bool:
        """Whether the template's schema calls anything a secret."""
        return _has_secrets(template)

    def register_parameters(self, template: type[JobTemplate], parameters: Mapping[str, Any]) -> None:
        """Those that the template's schema calls secrets."""
        if _has_secrets(template):
            schema.map_secrets(template.schema(), parameters, self._note)

    def text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if "://" in text:
            text = IN_ADDRESS.sub(rf"\g<1>{MASK}", text)
        if _may_name_secrets(text):
            text = NAMED.sub(rf"\g<1>{MASK}", text)
        return text

    def value(self, value: Any) -> Any:
        """A copy of a JSON value without secrets. A text under a telling name is masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(name): self._named(name, part) for name, part in value.items()}
        if isinstance(value, list):
            return [self.value(part) for part in value]
        return value

    def ending(self, ending: Ending) -> Ending:
        if ending.result is None and not ending.error and not ending.traceback:
            return ending
        return replace(
            ending,
            result=self.value(ending.result),
            error=self.text(ending.error),
            traceback=self.text(ending.traceback),
        )

    def _named(self, name: str, value: Any) -> Any:
        if isinstance(value, str) and value and name.lower().replace("-", "_").endswith(ENDINGS):
            return MASK
        return self.value(value)

    def _note(self, secret: Any) -> None:
        if isinstance(secret, str):
            self.register(secret)


def _may_name_secrets(text: str) -> bool:
    if ":" not in text and "=" not in text:
        return False
    lowered = text.lower()
    return any(hint in lowered for hint in HINTS)


def _has_secrets(template: type[JobTemplate]) -> bool:
    if template not in _secretive:
        _secretive[template] = bool(schema.secret_paths(template.schema()))
    return _secretive[template]


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (text[1:-1] for text in (json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)))
    for line in secret.splitlines():
        if len(line) >= SHORTEST_PIECE:
            yield line
    for form in _base64_forms(secret.encode("utf-8", "surrogatepass")):
        if len(form) >= SHORTEST_PIECE:
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _base64_forms(secret: bytes) -> Iterator[str]:
    """What stays the same wherever in an encoded text the secret begins, as in `user:password`."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + secret).decode()
        yield encoded[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
