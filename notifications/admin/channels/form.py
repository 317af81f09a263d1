"""The form of a channel: fields as its kind declares them. It converts what was entered; `notifications.channels`
judges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms import BoundField

from accounts.models import Tenant
from notifications.channels.base import ChannelType
from notifications.channels.fields import Field
from notifications.channels.message import MOST_TITLE
from notifications.channels.reader import MOST_BODY, MOST_NAME, MOST_PER_MINUTE, USUAL_PER_MINUTE
from notifications.models import Channel

SETTING, REMOVAL = "config-", "remove-"
STORED = "Stored, and never shown. Leave it empty to keep it."


class ChannelForm(forms.Form):
    use_required_attribute = False

    tenant = forms.ModelChoiceField(Tenant.objects.none(), required=False, empty_label=None)
    name = forms.CharField(
        required=False, widget=forms.TextInput(attrs={"maxlength": MOST_NAME, "autocomplete": "off"})
    )
    enabled = forms.BooleanField(
        label="Switched on", help_text="Off, nothing is sent by it; what waits longer than a day is dropped.",
        required=False,
    )  # fmt: skip
    per_minute = forms.IntegerField(
        label="Messages a minute, at most", help_text="More wait for the next minute.", required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": MOST_PER_MINUTE}),
    )  # fmt: skip
    title_text = forms.CharField(
        label="Title", help_text="Empty: the usual words.", required=False,
        widget=forms.TextInput(attrs={"maxlength": MOST_TITLE, "autocomplete": "off"}),
    )  # fmt: skip
    body_text = forms.CharField(
        label="Text", help_text="Empty: the usual words, with the error and the facts.", required=False, strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "maxlength": MOST_BODY}),
    )  # fmt: skip

    expected_updated_at = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any, *, kind: ChannelType, channel: Channel | None, tenants: QuerySet[Tenant] | None = None
    ) -> None:
        self.kind, self.channel = kind, channel
        super().__init__(data, initial=_initial(kind, channel), label_suffix="")
        for one in kind.fields:
            self.fields[SETTING + one.name] = field_of(one, is_stored=self._is_stored(one))
            if self._is_stored(one) and not one.is_required:
                self.fields[REMOVAL + one.name] = forms.BooleanField(label=f"Remove {one.label}", required=False)
        asked = self.fields["tenant"]
        assert isinstance(asked, forms.ModelChoiceField)
        if tenants is not None:
            asked.queryset = tenants
        if tenants is None or tenants.count() < 2:
            del self.fields["tenant"]

    def _is_stored(self, one: Field) -> bool:
        """Whether there are secrets, as far as can be said without opening them."""
        return one.is_secret and self.channel is not None and bool(self.channel.secret)

    def settings(self) -> list[tuple[BoundField, bool]]:
        """Those of the kind, and whether each must be there."""
        required = {SETTING + one.name: one.is_required for one in self.kind.fields}
        return [(self[name], required.get(name, False)) for name in self.fields if name.startswith((SETTING, REMOVAL))]

    def take(self, problems: Mapping[str, list[str]]) -> None:
        """Put each complaint of the judge where it belongs."""
        for path, messages in problems.items():
            name = path.replace("config.", SETTING, 1)
            self.add_error(name if name in self.fields else None, messages)

    def to_data(self) -> dict[str, Any]:
        """Settings that nobody touched are left out, so that secrets which cannot be opened are in nobody's way."""
        cleaned = self.cleaned_data
        data = {name: cleaned.get(name) for name in ("name", "enabled", "per_minute", "title_text", "body_text")}
        if self.channel is None:
            return {**data, "kind": self.kind.kind.value, "config": self._config()}
        given = self._config()
        was = {name: _plain(self.channel.config.get(name)) for name in given}
        return {**data, "config": given} if given != was else data

    def seen(self) -> datetime | None:
        """Of which version the form was filled in."""
        try:
            return datetime.fromisoformat(self.cleaned_data.get("expected_updated_at", ""))
        except ValueError:
            return None

    def _config(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for one in self.kind.fields:
            value = self.cleaned_data.get(SETTING + one.name)
            if not one.is_secret:
                found[one.name] = _lines(value) if one.form == "addresses" else value
            elif value or self.channel is None:
                found[one.name] = value
            elif self.cleaned_data.get(REMOVAL + one.name):
                found[one.name] = ""
        return found


def field_of(one: Field, *, is_stored: bool = False) -> forms.Field:
    texts: dict[str, Any] = {"label": one.label, "help_text": STORED if is_stored else one.help, "required": False}
    if one.form == "boolean":
        return forms.BooleanField(**texts)
    if one.form == "choice":
        return forms.ChoiceField(**texts, choices=one.choices)
    if one.form == "addresses":
        texts["help_text"] = f"{one.help} One per line."
        return forms.CharField(**texts, widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}))
    attributes = {"autocomplete": "off", "spellcheck": "false"}
    if one.is_secret:
        return forms.CharField(
            **texts, widget=forms.PasswordInput(attrs={**attributes, "autocomplete": "new-password"})
        )
    if one.form == "url":
        attributes["inputmode"] = "url"
    return forms.CharField(**texts, widget=forms.TextInput(attrs=attributes))


def _initial(kind: ChannelType, channel: Channel | None) -> dict[str, Any]:
    if channel is None:
        defaults = {SETTING + one.name: _shown(one, one.default) for one in kind.fields}
        return {"enabled": True, "per_minute": USUAL_PER_MINUTE, **defaults}
    stored = {SETTING + one.name: _shown(one, channel.config.get(one.name, one.default)) for one in kind.fields}
    own = {name: getattr(channel, name) for name in ("name", "per_minute", "title_text", "body_text")}
    seen = {"expected_updated_at": channel.updated_at.isoformat()}
    return {**own, "enabled": channel.is_enabled, **stored, **seen}


def _shown(one: Field, value: Any) -> Any:
    if one.is_secret:
        return ""
    return "\n".join(value) if one.form == "addresses" else value


def _lines(text: object) -> list[str]:
    return [part.strip() for line in str(text or "").splitlines() for part in line.split(",") if part.strip()]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
