"""Counts requests by what their limits, the policy and the database had to say. Each process counts its own."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter

from scheduler_project.lib import telemetry

ADMITTED = Counter("api_requests_admitted", "Requests within their limits.", ["kind", "how"])
LIMITED = Counter("api_requests_limited", "Requests that were refused by a limit.", ["kind", "how"])
POLICY = Counter("api_policy_refusals", "Changes that the policy did not allow, or gave no answer to.", ["how"])
OUTAGES = Counter("api_database_outages", "How often PostgreSQL was found not to answer.")


def count(event: str, fields: dict[str, Any]) -> None:
    if event == "request.admitted":
        ADMITTED.labels(fields["kind"], fields["how"]).inc()
    elif event == "request.limited":
        LIMITED.labels(fields["kind"], fields["how"]).inc()
    elif event == "policy.denied":
        POLICY.labels("denied").inc()
    elif event == "policy.unanswered":
        POLICY.labels("unanswered").inc()
    elif event == "database.lost":
        OUTAGES.inc()


def listen() -> None:
    telemetry.listen(count)
