"""The limits that differ from the default."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.limits.rates import MOST, MOST_IN_WINDOW, Algorithm


class Level(models.TextChoices):
    GRANTED = "granted", "Granted by a superuser"
    CHOSEN = "chosen", "Chosen by the tenant"


class RateLimit(models.Model):
    """Written by `accounts.limits.changes` only."""

    tenant = models.ForeignKey(
        "accounts.Tenant",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="Everyone if none",
    )
    endpoint = models.CharField(max_length=100, help_text="A class of endpoints such as read, or the name of a route")
    level = models.CharField(max_length=10, choices=Level, db_default=Level.GRANTED, default=Level.GRANTED)
    per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Without limit if none")
    burst = models.PositiveIntegerField(null=True, blank=True, help_text="At once; as many as in a minute if none")
    algorithm = models.CharField(
        max_length=10,
        choices=[(one.value, one.name.capitalize()) for one in Algorithm],
        db_default="bucket",
        default="bucket",
    )
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, db_default="", default="")

    class Meta:
        db_table = "rate_limits"
        ordering = ["tenant", "endpoint", "level"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "endpoint", "level"], name="one_rate_limit_per_endpoint", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="chosen_rate_limit_limits",
                condition=models.Q(level="granted") | models.Q(tenant__isnull=False, per_minute__isnull=False),
            ),
            models.CheckConstraint(
                name="rate_limit_is_positive",
                condition=(models.Q(per_minute__isnull=True) | models.Q(per_minute__range=(1, MOST)))
                & (models.Q(burst__isnull=True) | models.Q(burst__range=(1, MOST))),
            ),
            models.CheckConstraint(
                name="rate_limit_window_is_small",
                condition=models.Q(algorithm="bucket") | models.Q(per_minute__lte=MOST_IN_WINDOW),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} of {self.tenant or 'everyone'}"
