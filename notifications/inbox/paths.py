"""Whether the place that a notification or a form leads to is one of our own pages."""

from __future__ import annotations

from django.utils.http import url_has_allowed_host_and_scheme


def is_ours(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/") and url_has_allowed_host_and_scheme(path, None)
