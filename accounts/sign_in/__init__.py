"""Signing in with a password: how often it may fail, by name and by address, and the record of it."""

from __future__ import annotations

from accounts.sign_in.throttle import TooManySignIns

__all__ = ["TooManySignIns"]
