"""Deliveries in the console: what goes out by channels, what became of each, and sending one again."""

from notifications.admin.deliveries.urls import urls

__all__ = ["urls"]
