"""Tokens of people: a short one for requests and a longer one for the next pair, both of one sign-in."""

from __future__ import annotations

from accounts.tokens.recognition import Opened, last_known, recognise
from accounts.tokens.sign_ins import Pair, end, refresh, start
from accounts.tokens.signing import UnknownToken

__all__ = ["Opened", "Pair", "UnknownToken", "end", "last_known", "recognise", "refresh", "start"]
