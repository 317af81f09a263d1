"""Requests that were denied, as the audit trail has them: 403s, and 401s of a credential that we know.

Reading writes nothing, so the denial of a read goes with the record of the request, whose sweep puts it in the trail.
"""

from __future__ import annotations

import re
import time

from django.db import DatabaseError, transaction
from django.http import HttpRequest

from accounts import audit
from accounts.audit import Outcome
from accounts.models import ApiKey
from scheduler_project.lib import telemetry
from scheduler_project.lib.requests import READERS

KEY_PREFIX = re.compile(r"sch_live_([0-9a-f]{8})_")
MOST_PER_MINUTE = 20  # of one unauthenticated credential and process: they are not counted by any limit of a tenant

_counted: dict[tuple[str, int], int] = {}


def tell(request: HttpRequest, *, status: int, code: str, message: str) -> None:
    """Never raises: an answer is due, whatever becomes of the entry."""
    if status not in (401, 403):
        return
    try:
        who = _denied(request) if status == 403 else _known_key(request)
        if who is None:
            return
        actor, tenant_id = who
        action = "request.denied" if status == 403 else "credential.denied"
        note, route = f"{code}: {message}", _route(request)
        if request.method in READERS:
            refusal = {"actor": actor, "action": action, "target": "request", "note": note}
            request.daybook_refusal = refusal  # type: ignore[attr-defined]
            return
        with transaction.atomic():
            audit.record(
                action,
                actor=actor,
                tenant_id=tenant_id,
                target="request",
                target_name=route,
                note=note,
                outcome=Outcome.REFUSED,
            )
    except DatabaseError as error:
        telemetry.emit("audit.denial_unrecorded", error=str(error).strip())


def _denied(request: HttpRequest) -> tuple[str, int | None] | None:
    auth = getattr(request, "auth", None)
    label = getattr(auth, "label", "")
    scopes = getattr(auth, "scopes", None) or {}
    if not label and getattr(getattr(request, "user", None), "is_authenticated", False):
        label = f"user:{request.user.get_username()}"
    return label or "anonymous", next(iter(scopes)) if len(scopes) == 1 else None


def _known_key(request: HttpRequest) -> tuple[str, int | None] | None:
    """None for what anybody could have made up, and for more of it than is worth an entry."""
    given = request.headers.get("Authorization", "") or request.headers.get("X-API-Key", "")
    found = KEY_PREFIX.search(given[:200])
    if found is None or not _is_worth_an_entry(found[1]):
        return None
    tenant_id = ApiKey.objects.filter(prefix=found[1]).values_list("tenant_id", flat=True).first()
    return (f"key:{found[1]}", tenant_id) if tenant_id is not None else None


def _is_worth_an_entry(prefix: str) -> bool:
    place = (prefix, int(time.monotonic() // 60))
    if len(_counted) > 10_000:
        _counted.clear()
    _counted[place] = _counted.get(place, 0) + 1
    return _counted[place] <= MOST_PER_MINUTE


def _route(request: HttpRequest) -> str:
    return (request.resolver_match.url_name or "") if request.resolver_match else ""
