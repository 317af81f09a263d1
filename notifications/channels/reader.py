"""Reads a channel from untrusted input, field by field, and collects every problem with its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from notifications.channels import registry
from notifications.channels.base import ChannelType
from notifications.channels.message import MOST_TITLE, PLACEHOLDERS
from notifications.models import Channel
from notifications.rules.kinds import ChannelKind
from scheduler_project.lib import plain_text
from scheduler_project.lib.input import InvalidInput, printable_text
from templates_registry import placeholders

FIELDS = ("name", "kind", "config", "title_text", "body_text", "enabled", "per_minute")
MOST_NAME, MOST_BODY = 100, 5_000
MOST_PER_MINUTE = 6_000
USUAL_PER_MINUTE = 60
KINDS = tuple(kind.value for kind in ChannelKind)


class InvalidChannel(InvalidInput):
    """Input that is no channel; `fields` has the messages by path."""


@dataclass(frozen=True)
class ChannelInput:
    """A channel as it is to be stored. `config` is what anybody may see; `secrets` are in plain text."""

    name: str = ""
    kind: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    title_text: str = ""
    body_text: str = ""
    enabled: bool = True
    per_minute: int = USUAL_PER_MINUTE

    @classmethod
    def of(cls, channel: Channel, secrets: Mapping[str, str]) -> ChannelInput:
        return cls(
            channel.name,
            channel.kind,
            channel.config,
            secrets,
            channel.title_text,
            channel.body_text,
            channel.is_enabled,
            channel.per_minute,
        )

    def write_to(self, channel: Channel) -> None:
        channel.name, channel.kind, channel.config = self.name, self.kind, dict(self.config)
        channel.title_text, channel.body_text = self.title_text, self.body_text
        channel.is_enabled, channel.per_minute = self.enabled, self.per_minute

    def to_json(self) -> dict[str, Any]:
        """For the audit trail; secrets by their names."""
        shown = {name: value for name, value in vars(self).items() if name != "secrets"}
        return {**shown, "config": dict(self.config), "secrets": sorted(self.secrets)}


def read(data: Mapping[str, Any], *, current: ChannelInput | None = None) -> ChannelInput:
    """What `data` describes, on top of `current` when one is changed; settings that it leaves out stay. Raises
    `InvalidChannel`."""
    reader = _Reader(data, current)
    found = reader.read()
    if reader.problems:
        raise InvalidChannel(reader.problems)
    return found


class _Reader:
    def __init__(self, data: Mapping[str, Any], current: ChannelInput | None) -> None:
        self.data = data
        self.is_new = current is None
        self.base = current or ChannelInput()
        self.problems: dict[str, list[str]] = {}

    def refuse(self, path: str, message: str) -> None:
        self.problems.setdefault(path, []).append(message)

    def read(self) -> ChannelInput:
        for name in self.data:
            if name not in FIELDS:
                self.refuse(str(name)[:100], f"Unknown field. Known are {', '.join(FIELDS)}.")
        found = self.base
        if self.is_new or "name" in self.data:
            found = replace(found, name=self.name(self.data.get("name", "")))
        found = replace(found, kind=self.kind(self.data.get("kind", self.base.kind)))
        for name in ("title_text", "body_text", "enabled", "per_minute"):
            if name in self.data:
                found = replace(found, **{name: getattr(self, name)(self.data[name])})
        return self.settings(found) if found.kind in KINDS and (self.is_new or "config" in self.data) else found

    def settings(self, found: ChannelInput) -> ChannelInput:
        given = self.data.get("config", {})
        if not isinstance(given, Mapping):
            self.refuse("config", "Write an object.")
            return found
        kind = registry.type_of(found.kind)
        known = {one.name: one for one in kind.fields}
        for name in given:
            if name not in known:
                self.refuse(f"config.{str(name)[:100]}", f"Unknown field. Known are {', '.join(known)}.")
        config: dict[str, Any] = dict(found.config)
        secrets: dict[str, Any] = dict(found.secrets)
        before = len(self.problems)
        for name, one in known.items():
            kept = secrets if one.is_secret else config
            if name in given:
                kept[name], problem = one.read(given[name])
                if problem:
                    self.refuse(f"config.{name}", problem)
            elif one.meant_for and kept.get(name) and self._is_elsewhere(config, one.meant_for):
                self.refuse(f"config.{name}", "Write it again, or remove it: it was given for another host.")
            elif name not in kept and not one.is_secret:
                kept[name] = list(one.default) if isinstance(one.default, tuple) else one.default
            if one.is_required and not kept.get(name) and f"config.{name}" not in self.problems:
                self.refuse(f"config.{name}", "This field may not be empty.")
        if len(self.problems) == before:
            self._check(kind, config, secrets)
        if len(self.problems) == before:
            config |= kind.shown_of(secrets)
        return replace(found, config=config, secrets={name: value for name, value in secrets.items() if value})

    def _is_elsewhere(self, config: Mapping[str, Any], name: str) -> bool:
        if f"config.{name}" in self.problems:
            return False
        before, now = (urlsplit(str(found.get(name, ""))) for found in (self.base.config, config))
        return (before.scheme, before.netloc) != (now.scheme, now.netloc)

    def _check(self, kind: ChannelType, config: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
        for name, problem in kind.check(config, secrets).items():
            self.refuse(f"config.{name}", problem)

    def name(self, value: object) -> str:
        text, problem = printable_text(value, most=MOST_NAME)
        if problem:
            self.refuse("name", problem)
        return text

    def kind(self, value: object) -> str:
        if value not in KINDS:
            self.refuse("kind", f"Write one of {', '.join(KINDS)}.")
            return ""
        if not self.is_new and value != self.base.kind:
            self.refuse("kind", "The kind of a channel stays as it is; make another channel.")
        return str(value)

    def title_text(self, value: object) -> str:
        return self._words("title_text", value, most=MOST_TITLE, lines=False)

    def body_text(self, value: object) -> str:
        return self._words("body_text", value, most=MOST_BODY, lines=True)

    def _words(self, path: str, value: object, *, most: int, lines: bool) -> str:
        if not isinstance(value, str):
            self.refuse(path, "Write a text.")
            return ""
        text = value.replace("\r\n", "\n").strip()
        if len(text) > most:
            self.refuse(path, f"Write at most {most} characters.")
        elif not plain_text.is_printable(text, lines=lines):
            self.refuse(path, plain_text.REFUSAL)
        for problem in placeholders.check(text, PLACEHOLDERS):
            self.refuse(path, f"The text {problem}.")
        return text

    def enabled(self, value: object) -> bool:
        if not isinstance(value, bool):
            self.refuse("enabled", "Write true or false.")
        return bool(value)

    def per_minute(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_PER_MINUTE:
            self.refuse("per_minute", f"Write a whole number from 1 to {MOST_PER_MINUTE}.")
            return USUAL_PER_MINUTE
        return value
