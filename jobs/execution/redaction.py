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
from scheduler_project.lib.text_masking import ENDINGS, MASK, mask_named
from templates_registry import schema
from templates_registry.base import JobTemplate

SHORTEST = 4  # a shorter secret would be found everywhere
SHORTEST_PIECE = 8  # of an encoded form, or of a secret of several lines

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
        return mask_named(text)

    def known(self, value: Any) -> Any:
        """A copy of a JSON value without the secrets of this run. What only has a telling name stays: for what a run
        keeps for itself, where `next_token` is a page."""
        if self._known is None:
            return value
        if isinstance(value, str):
            return self._known.sub(MASK, value)
        if isinstance(value, dict):
            return {self.known(name): self.known(part) for name, part in value.items()}
        return [self.known(part) for part in value] if isinstance(value, list | tuple) else value

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
