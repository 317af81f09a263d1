"""Rules in the console: the list, the editor with its preview, and their removal."""

from notifications.admin.rules.urls import urls

__all__ = ["urls"]
