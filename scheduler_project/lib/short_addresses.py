"""Addresses as who may only look sees them: where they lead, not what opens the door there or who lives there."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

CUT = "\N{HORIZONTAL ELLIPSIS}"
# Bounded, so that no text takes long. A name has no more.
NAME = re.compile(r"""[^\s<>()\[\]"',;:@]{1,64}(?=@[^\s<>()\[\]"',;:@])""")


def of_url(url: str) -> str:
    """Without path and query, which is where receivers put their secrets."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return f"{origin}/{CUT}" if parts.path.strip("/") or parts.query else origin


def of_mail(text: str) -> str:
    """With each address of mail in the text as `a…a@example.com`: who knows it, knows it again."""
    return NAME.sub(_short, text) if "@" in text else text


def _short(found: re.Match[str]) -> str:
    name = found[0]
    return f"{name[0]}{CUT}{name[-1] if len(name) > 3 else ''}"
