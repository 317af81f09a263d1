"""Times at which jobs do not run: calendars of a tenant with their blackouts, and maintenance of the whole system."""

from __future__ import annotations

from datetime import date, datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant


class Calendar(models.Model):
    """Which days count. Jobs name calendars by slug; a tick on a day that one of them leaves out is skipped."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="calendars")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC")
    weekdays = ArrayField(
        models.PositiveSmallIntegerField(), default=list, blank=True, help_text="Working days, 0 is Monday; none: all"
    )
    holidays = models.JSONField(default=dict, blank=True, help_text='Days off with their names: {"2026-12-25": "…"}')
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        db_table = "calendars"
        ordering = ["tenant", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "slug"], name="one_calendar_per_slug_and_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def days_off(self) -> dict[date, str]:
        return {date.fromisoformat(day): name for day, name in self.holidays.items()}


class Blackout(models.Model):
    """A named stretch of time that a calendar leaves out, from its start up to but not including its end."""

    calendar = models.ForeignKey(Calendar, on_delete=models.CASCADE, related_name="blackouts")
    name = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        db_table = "calendar_blackouts"
        ordering = ["calendar", "starts_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="blackout_ends_after_it_starts"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Maintenance(models.Model):
    """A stretch of time in which no job of any tenant fires: ticks are recorded as skipped. Open while `ended_at` is
    empty; what is over stays, since ticks of an outage are judged by it."""

    started_at = models.DateTimeField()
    started_by = models.CharField(max_length=200)
    note = models.CharField(max_length=500)
    until = models.DateTimeField(null=True, blank=True, help_text="Ends by itself here; none: when somebody ends it")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "maintenance_windows"
        verbose_name_plural = "maintenance"
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(ended_at=None), name="one_open_maintenance_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.note} ({self.started_by})"

    @property
    def ends_at(self) -> datetime | None:
        """Where it ends or has ended, as far as that is known."""
        ends = [instant for instant in (self.until, self.ended_at) if instant is not None]
        return min(ends, default=None)
