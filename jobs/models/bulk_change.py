"""Changes of many rows that somebody asked for in the console."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from jobs.models.choices import choices, is_known
from jobs.rules.states import ListPage


class BulkChange(models.Model):
    """What is to be done to which rows, how far it is, and what became of each. Kept for a day."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    page = models.CharField(max_length=10, choices=choices(ListPage))
    action = models.CharField(max_length=20)
    wish = models.JSONField(default=dict)
    rows = ArrayField(models.BigIntegerField(), help_text="Ids, in the order in which they are changed")
    taken = models.PositiveIntegerField(default=0, db_default=0, help_text="How many a request has taken on")
    taken_at = models.DateTimeField(null=True, help_text="When a request last took some on")
    results = models.JSONField(default=list, help_text="One entry for each row that was answered for")
    back = models.CharField(max_length=2000, blank=True, default="", help_text="The query of the list it came from")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bulk_changes"
        ordering = ["-created_at"]
        constraints = [is_known("page", ListPage, "bulk_change_page_is_known")]
        indexes = [models.Index(fields=["created_at"], name="bulk_changes_by_age")]

    def __str__(self) -> str:
        return f"{self.action} of {len(self.rows)}"
