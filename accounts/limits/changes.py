"""Every change of the limits. Admin and API both come through here; who may is theirs to ask."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from accounts import audit
from accounts.limits import rates
from accounts.limits.models import Level, RateLimit
from accounts.limits.rates import MOST, MOST_IN_WINDOW, Algorithm, Kind, Rate
from accounts.limits.table import TABLE, rate_of
from accounts.models import Tenant
from scheduler_project.lib import telemetry
from scheduler_project.lib.input import InvalidInput

MOST_LIMITS = 100  # of one tenant
Wish = Mapping[str, Any]  # endpoint, per_minute, burst, algorithm
LOCK = "SELECT pg_advisory_xact_lock(hashtext('rate_limits'), %s)"


def replace(
    wishes: Sequence[Wish], *, tenant: Tenant | None, level: Level, actor: str, routes: Collection[str]
) -> list[RateLimit]:
    """All limits of a tenant, or of everyone, at that level: what is left out goes back to the default.

    `routes` are the names that limits of single routes may have. Raises `InvalidInput`.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:  # two at once would each leave the other's rows
            cursor.execute(LOCK, [tenant.pk if tenant else 0])
        _check(wishes, tenant=tenant, level=level, routes=routes)
        rows = RateLimit.objects.filter(tenant=tenant, level=level)
        before = _facts(rows)
        rows.delete()
        made = RateLimit.objects.bulk_create(
            RateLimit(tenant=tenant, level=level, updated_by=actor[:200], **{**DEFAULTS, **wish}) for wish in wishes
        )
        after = _facts(made)
        if before != after:
            _record(tenant, level, actor, before=before, after=after)
        transaction.on_commit(TABLE.read)
    return made


DEFAULTS: Wish = {"per_minute": None, "burst": None, "algorithm": Algorithm.BUCKET}


def put(wish: Wish, *, tenant: Tenant | None, level: Level, actor: str, routes: Collection[str]) -> None:
    """One limit, the others of the tenant as they are. Raises `InvalidInput`."""
    others = _others(wish["endpoint"], tenant=tenant, level=level)
    replace([*others, wish], tenant=tenant, level=level, actor=actor, routes=[*routes, *_names(others)])


def remove(endpoint: str, *, tenant: Tenant | None, level: Level, actor: str) -> None:
    others = _others(endpoint, tenant=tenant, level=level)
    replace(others, tenant=tenant, level=level, actor=actor, routes=_names(others))


def judge(wish: Wish, *, tenant: Tenant | None, level: Level, routes: Collection[str]) -> None:
    """Raises `InvalidInput` when `put` would."""
    _check([wish], tenant=tenant, level=level, routes=routes)


def _others(endpoint: str, *, tenant: Tenant | None, level: Level) -> list[Wish]:
    rows = RateLimit.objects.filter(tenant=tenant, level=level).exclude(endpoint=endpoint)
    return list(rows.values("endpoint", "per_minute", "burst", "algorithm"))


def _names(wishes: Sequence[Wish]) -> list[str]:
    return [wish["endpoint"] for wish in wishes]


def _check(wishes: Sequence[Wish], *, tenant: Tenant | None, level: Level, routes: Collection[str]) -> None:
    problems: dict[str, list[str]] = {}
    if len(wishes) > MOST_LIMITS:
        problems["limits"] = [f"Write at most {MOST_LIMITS} limits."]
    seen: set[str] = set()
    for index, wish in enumerate(wishes):
        endpoint = wish["endpoint"]
        if endpoint in seen:
            problems[f"limits[{index}].endpoint"] = ["Write each endpoint once."]
        elif endpoint not in routes and endpoint not in set(Kind):
            known = ", ".join(Kind)
            problems[f"limits[{index}].endpoint"] = [f"Write a class ({known}) or the name of a route."]
        seen.add(endpoint)
        for field, message in _problems_of(wish, tenant, level):
            problems.setdefault(f"limits[{index}].{field}", []).append(message)
    if problems:
        raise InvalidInput(problems)


def _problems_of(wish: Wish, tenant: Tenant | None, level: Level) -> list[tuple[str, str]]:
    per_minute, burst, algorithm = wish.get("per_minute"), wish.get("burst"), wish.get("algorithm", "bucket")
    found = [
        (field, f"Write a whole number from 1 to {MOST}.")
        for field, value in (("per_minute", per_minute), ("burst", burst))
        if value is not None and not 1 <= value <= MOST
    ]
    if algorithm == Algorithm.WINDOW and (per_minute is None or per_minute > MOST_IN_WINDOW):
        found.append(("per_minute", f"A window takes from 1 to {MOST_IN_WINDOW} requests a minute."))
    if algorithm == Algorithm.WINDOW and burst is not None:
        found.append(("burst", "A window has no burst: leave it out."))
    if per_minute is None and burst is not None:
        found.append(("burst", "What is not limited has no burst: leave it out."))
    if found or level == Level.GRANTED:
        return found
    granted = granted_to(tenant, wish["endpoint"])
    if per_minute is None:
        return [("per_minute", "Write a number; only superusers take a limit away.")]
    if granted is not None and per_minute > granted.per_minute:
        return [("per_minute", f"Write at most {granted.per_minute}, as many as are granted; superusers grant more.")]
    if granted is not None and (burst or per_minute) > granted.burst:
        return [("burst", f"Write at most {granted.burst}, as many as are granted; superusers grant more.")]
    return []


def granted_to(tenant: Tenant | None, endpoint: str) -> Rate | None:
    """What a superuser granted for a class or a route, else the default; None when that is without limit. What a tenant
    chooses for a route counts beside its class, so there is no default to stay below."""
    rows = RateLimit.objects.filter(level=Level.GRANTED, endpoint=endpoint)
    for owner in (tenant, None):
        for row in rows.filter(tenant=owner):
            return rate_of(row)
    return rates.default(endpoint, settings.DAYBOOK_RATE_LIMIT) if endpoint in set(Kind) else None


def _facts(rows: Any) -> dict[str, Any]:
    return {
        row.endpoint: {"per_minute": row.per_minute, "burst": row.burst, "algorithm": str(row.algorithm)}
        for row in sorted(rows, key=lambda row: row.endpoint)
    }


def _record(tenant: Tenant | None, level: Level, actor: str, *, before: dict[str, Any], after: dict[str, Any]) -> None:
    name = tenant.slug if tenant else "everyone"
    audit.record(
        "rate_limits.changed",
        actor=actor,
        tenant_id=tenant.pk if tenant else None,
        target="rate_limits",
        target_id=tenant.pk if tenant else "",
        target_name=name,
        note=f"{level.value} limits",
        before=before,
        after=after,
    )
    telemetry.emit("rate_limit.changed", actor=actor, tenant=name, endpoints=", ".join(after) or "none")
