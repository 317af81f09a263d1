"""What of a channel's settings is shown to whom: addresses whole only to those who may change it, secrets to nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from notifications.channels import registry
from notifications.models import Channel
from scheduler_project.lib import short_addresses

SHORTENED: Mapping[str, Callable[[Any], Any]] = {
    "url": short_addresses.of_url,
    "addresses": lambda value: [short_addresses.of_mail(one) for one in value],
}


def config_of(channel: Channel, *, may_write: bool) -> dict[str, Any]:
    if may_write:
        return dict(channel.config)
    forms = {field.name: field.form for field in registry.type_of(channel.kind).fields}
    return {name: SHORTENED.get(forms.get(name, ""), _whole)(value) for name, value in channel.config.items()}


def _whole(value: Any) -> Any:
    return value
