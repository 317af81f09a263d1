"""The inbox in the console: the bell and its panel, the page of all notifications, and what a person wants of them."""

from notifications.admin.inbox.urls import urls

__all__ = ["urls"]
