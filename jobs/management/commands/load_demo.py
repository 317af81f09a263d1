"""`manage.py load_demo`: a handful of jobs that show what the product does. Loading twice changes nothing.

The first superuser owns them, so that somebody hears of their failures."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

from accounts.models import Tenant
from jobs import registry
from jobs.models import Job

ACTOR = "system:demo"

JOBS: tuple[dict[str, Any], ...] = (
    {
        "name": "Clean up expired sign-ins",
        "description": "Fires every minute, so that there is something to see at once.",
        "template": "database_cleanup",
        "parameters": {"model": "sessions.Session", "older_than_days": 1},
        "schedule": {"kind": "cron", "cron": "* * * * *", "timezone": "UTC"},
        "tags": ["demo", "cleanup"],
    },
    {
        "name": "Export the ledger",
        "description": "Every due tick of the last day, with what became of it, as a CSV file.",
        "template": "data_export",
        "parameters": {"model": "jobs.Tick", "file_name": "ledger", "date_field": "due_at", "since_days": 1},
        "schedule": {"kind": "interval", "every_seconds": 900},
        "tags": ["demo", "export"],
    },
    {
        "name": "Weekday morning mail",
        "description": "At nine in Berlin, summer and winter. Mails are files in the state folder until you say where.",
        "template": "email_notification",
        "parameters": {
            "recipients": ["operators@example.com"],
            "subject": "Good morning from {job}",
            "body": "This mail was due at {scheduled_for}.",
        },
        "schedule": {"kind": "cron", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"},
        "tags": ["demo", "mail"],
    },
    {
        "name": "Nightly export of executions",
        "description": "At 02:30 in New York, an hour that the clocks skip once a year.",
        "template": "data_export",
        "parameters": {"model": "jobs.Execution", "file_name": "executions", "format": "jsonl"},
        "schedule": {"kind": "cron", "cron": "30 2 * * *", "timezone": "America/New_York"},
        "priority": "low",
        "tags": ["demo", "export"],
    },
    {
        "name": "Clean up old task results",
        "description": "Runs by hand only. Try a dry run first: it counts and changes nothing.",
        "template": "database_cleanup",
        "parameters": {"model": "django_celery_results.TaskResult", "older_than_days": 30},
        "schedule": {"kind": "manual"},
        "tags": ["demo", "cleanup"],
    },
)


class Command(BaseCommand):
    help = "Create a handful of demonstration jobs in the tenant `default`, unless they exist."

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, _ = Tenant.objects.get_or_create(slug="default", defaults={"name": "Default"})
        known = set(Job.objects.filter(tenant=tenant).values_list("name", flat=True))
        missing = [data for data in JOBS if data["name"] not in known]
        owner = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        for data in missing:
            registry.create(data, tenant=tenant, actor=ACTOR, owner_id=owner.pk if owner else None)
        self.stdout.write(f"Created {len(missing)} demonstration jobs, {len(JOBS) - len(missing)} were there.")
