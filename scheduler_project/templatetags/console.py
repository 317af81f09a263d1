"""Filters of the frame."""

from __future__ import annotations

from django import template
from django.contrib.messages.storage.base import Message

register = template.Library()


@register.filter
def undo_address(message: Message) -> str:
    """Where a message says that it can be undone: `extra_tags="undo:/admin/…"`. Only an address of this site counts."""
    for tag in (message.extra_tags or "").split():
        address = tag.removeprefix("undo:")
        if address != tag and address.startswith("/") and not address.startswith("//"):
            return address
    return ""
