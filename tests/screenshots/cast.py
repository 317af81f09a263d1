"""Who and what stands on the stage: two tenants, their people, and jobs as teams have them."""

from __future__ import annotations

from typing import Any

PEOPLE = {"ana": ("Ana", "Silva"), "olaf": ("Olaf", "Berg"), "mei": ("Mei", "Tanaka")}

EXPORT = {"template": "data_export", "queue": "default"}
CLEAN = {"template": "database_cleanup", "queue": "default"}
MAIL = {"template": "email_notification", "queue": "mail"}


def _export(model: str, name: str, **more: Any) -> dict[str, Any]:
    return {**EXPORT, "parameters": {"model": model, "file_name": name}, **more}


def _clean(model: str, days: int, **more: Any) -> dict[str, Any]:
    return {**CLEAN, "parameters": {"model": model, "older_than_days": days}, **more}


def _mail(subject: str, **more: Any) -> dict[str, Any]:
    parameters = {"recipients": ["team@example.com"], "subject": subject, "body": "Due at {scheduled_for}."}
    return {**MAIL, "parameters": parameters, **more}


def _cron(expression: str, zone: str = "Europe/Berlin", **more: Any) -> dict[str, Any]:
    return {"schedule": {"kind": "cron", "cron": expression, "timezone": zone, **more}}


# name, definition, usual seconds of a run, share of failures, owner
ACME: tuple[tuple[str, dict[str, Any], float, float, str], ...] = (
    ("Pull orders", _export("jobs.Execution", "orders", tags=["orders"], **_cron("*/15 * * * *")), 42, 0.01, "ana"),
    (
        "Price feed",
        _export("jobs.Tick", "prices", tags=["orders"], priority="high", **_cron("7 * * * *")),
        95,
        0.05,
        "ana",
    ),
    (
        "Build invoices",
        _export("jobs.Execution", "invoices", tags=["finance"], schedule={"kind": "manual"}),
        310,
        0.02,
        "mei",
    ),
    ("Book payments", _clean("sessions.Session", 90, tags=["finance"], schedule={"kind": "manual"}), 88, 0.02, "mei"),
    ("Send invoices", _mail("Your invoice", tags=["finance", "mail"], schedule={"kind": "manual"}), 130, 0.04, "mei"),
    ("Nightly orders", _export("jobs.Execution", "nightly", tags=["finance"], **_cron("0 2 * * *")), 540, 0.02, "mei"),
    (
        "Sanctions check",
        _export("jobs.Tick", "sanctions", tags=["finance", "compliance"], schedule={"kind": "manual"}),
        61,
        0.01,
        "olaf",
    ),
    (
        "Weekday report",
        _mail("Figures of yesterday", tags=["reports", "mail"], **_cron("0 9 * * 1-5")),
        12,
        0.03,
        "olaf",
    ),
    (
        "Quarter export",
        _export("jobs.Execution", "quarter", tags=["reports"], **_cron("0 5 1 1,4,7,10 *")),
        1900,
        0,
        "olaf",
    ),
    ("Expired sign-ins", _clean("sessions.Session", 1, tags=["cleanup"], **_cron("*/5 * * * *", "UTC")), 1.4, 0, "ana"),
    (
        "Old task results",
        _clean("django_celery_results.TaskResult", 30, tags=["cleanup"], **_cron("30 3 * * *", "UTC")),
        24,
        0,
        "ana",
    ),
    ("Stock levels", _export("jobs.Tick", "stock", tags=["warehouse"], **_cron("0,30 6-22 * * 1-6")), 75, 0.02, "ana"),
    (
        "Warehouse reload",
        _export("jobs.Execution", "reload", tags=["warehouse"], priority="low", **_cron("15 1 * * 0")),
        5400,
        0.1,
        "ana",
    ),
    ("Supplier reminders", _mail("Your delivery", tags=["warehouse", "mail"], **_cron("0 8 * * 1")), 33, 0.02, "olaf"),
)
GLOBEX: tuple[tuple[str, dict[str, Any], float, float, str], ...] = (
    (
        "Telemetry rollup",
        _export("jobs.Tick", "telemetry", tags=["telemetry"], **_cron("*/10 * * * *", "America/New_York")),
        51,
        0.02,
        "olaf",
    ),
    (
        "Night backup",
        _export("jobs.Execution", "backup", tags=["backup"], **_cron("0 2 * * *", "America/New_York")),
        1260,
        0.02,
        "olaf",
    ),
    ("Licence report", _mail("Licences", tags=["reports"], **_cron("0 2 * * 1", "America/New_York")), 9, 0, "olaf"),
)
# upstream, downstream, on which outcome
FOLLOWS = (
    ("Nightly orders", "Build invoices", "success"),
    ("Nightly orders", "Sanctions check", "success"),
    ("Build invoices", "Book payments", "success"),
    ("Build invoices", "Send invoices", "success"),
    ("Sanctions check", "Send invoices", "success"),
)
ERRORS = (
    ("ConnectTimeout", "The vendor's server did not answer within 10 s: connect to feeds.example.com port 443"),
    (
        "IntegrityError",
        'duplicate key value violates unique constraint "orders_number_key"\nDETAIL:  Key (number)=(88214) exists.',
    ),
    ("PermissionError", "The folder of the exports is not writable"),
)
