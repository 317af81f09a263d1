"""Channels in the console: the list, a page each with its test and its words, their secrets, and their removal."""

from notifications.admin.channels.urls import urls

__all__ = ["urls"]
