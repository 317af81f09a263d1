"""Webhooks out and event hooks in."""
