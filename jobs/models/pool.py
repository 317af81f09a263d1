"""Pools: how many runs may use one thing at once, whatever jobs they belong to."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant


class Pool(models.Model):
    """So many numbered slots. A run of a job in the pool holds one of them in its lease, for as long as it runs."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="pools")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=200)
    size = models.PositiveIntegerField(help_text="How many runs at once")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_by = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        db_table = "pools"
        ordering = ["tenant", "name"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "slug"], name="one_pool_per_slug_and_tenant"),
            models.CheckConstraint(condition=models.Q(size__gte=1, size__lte=1000), name="pool_size_is_sensible"),
        ]

    def __str__(self) -> str:
        return self.name


class QueueRejection(models.Model):
    """How many submissions a full queue has refused since the installation; refused ticks are in the ledger."""

    priority = models.PositiveSmallIntegerField(primary_key=True)
    count = models.BigIntegerField(default=0)
    last_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "queue_rejections"

    def __str__(self) -> str:
        return f"{self.count} of priority {self.priority}"
