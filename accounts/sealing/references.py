"""References to secrets, `env:NAME` and `file:/path`: only those that DAYBOOK_SECRETS lists may be given."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings

FORM = re.compile(r"env:\w+|file:/.+")


@dataclass(frozen=True)
class Reference:
    """Stands in for a secret that is read where it is used."""

    text: str


def is_reference(text: str) -> bool:
    return FORM.fullmatch(text) is not None


def is_granted(text: str, *, tenant: str) -> bool:
    """Whether the operator lists this very reference for the tenant, or for all."""
    granted: dict[str, str] = settings.DAYBOOK_SECRETS
    return any(
        reference == text and ("/" not in name or name.partition("/")[0] == tenant)
        for name, reference in granted.items()
    )


def refusal(text: str, *, tenant: str) -> str:
    kind = text.partition(":")[0]
    return (
        f"Begins with {kind}:, so it is a reference, and DAYBOOK_SECRETS does not list it for {tenant}. Whoever runs "
        f"Daybook can add it there, as in {tenant}/name={kind}:…"
    )
