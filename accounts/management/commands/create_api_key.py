"""`manage.py create_api_key NAME`: makes an API key and prints it, once."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import keys
from accounts.models import Tenant
from accounts.scopes import Scope
from scheduler_project.lib.input import InvalidInput

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Make an API key and print it. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--tenant", default="default", help="slug of the tenant (default: default)")
        parser.add_argument(
            "--scopes", default=Scope.SCHEDULER_READ.value, help=f"separated by commas, of {', '.join(Scope.values)}"
        )
        parser.add_argument("--expires-days", type=int, help="days until it expires; never unless told")

        parser.add_argument("--internal", action="store_true", help="for a program of our own: no rate limit holds")

    def handle(
        self,
        *args: Any,
        name: str,
        tenant: str,
        scopes: str,
        expires_days: int | None,
        internal: bool,
        **options: Any,
    ) -> None:
        try:
            key, text = keys.create(
                tenant=_tenant(tenant),
                name=name,
                scopes=_scopes(scopes),
                expires_at=None if expires_days is None else timezone.now() + timedelta(days=_days(expires_days)),
                is_internal=internal,
            )
        except InvalidInput as error:
            raise CommandError(" ".join(chain(*error.fields.values()))) from None
        except keys.TooManyKeys as error:
            raise CommandError(str(error)) from None
        until = f"until {key.expires_at:%Y-%m-%d}" if key.expires_at else "until it is revoked"
        self.stderr.write(f"Key {key.prefix} of tenant {tenant} with {', '.join(key.scopes)}, good {until}:")
        self.stdout.write(text)


def _tenant(slug: str) -> Tenant:
    active = {tenant.slug: tenant for tenant in Tenant.objects.filter(is_active=True)}
    if slug not in active:
        raise CommandError(f"There is no active tenant {slug}. Active tenants are {', '.join(active) or 'none'}.")
    return active[slug]


def _scopes(given: str) -> list[str]:
    scopes = [scope.strip() for scope in given.split(",") if scope.strip()]
    unknown = [scope for scope in scopes if scope not in Scope.values]
    if unknown or not scopes:
        what = f"{', '.join(unknown)} is no scope" if unknown else "A key needs a scope"
        raise CommandError(f"{what}. Scopes are {', '.join(Scope.values)}.")
    return sorted(set(scopes))


def _days(days: int) -> int:
    if not 1 <= days <= MOST_DAYS:
        raise CommandError(f"A key expires in 1 to {MOST_DAYS} days.")
    return days
