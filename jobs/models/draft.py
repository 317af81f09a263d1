"""Jobs that somebody has begun to write in the console and not yet created."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models import Tenant
from templates_registry.models import TemplateVersion


class JobDraft(models.Model):
    """Only its owner sees it. Written by `jobs.drafts`; secrets are sealed as those of jobs are."""

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="job_drafts")
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="+")
    template = models.ForeignKey(TemplateVersion, on_delete=models.CASCADE, related_name="+")
    step = models.PositiveSmallIntegerField(default=1, db_default=1, help_text="The furthest one that was reached")
    fields = models.JSONField(default=dict, help_text="What was entered, by name of the control")
    parameters = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0, db_default=0, help_text="Counts what was saved")
    versions = models.JSONField(default=dict, help_text="By name: the version that last changed it")
    dry_run_id = models.BigIntegerField(null=True, help_text="The last trial run, an execution without a job")
    dry_run_version = models.PositiveIntegerField(null=True, help_text="The version that it was made of")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "job_drafts"
        ordering = ["-updated_at"]
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="job_drafts_by_owner"),
            models.Index(fields=["updated_at"], name="job_drafts_by_age"),
        ]

    def __str__(self) -> str:
        return f"Draft of {self.owner_id} from {self.updated_at:%Y-%m-%d}"

    @property
    def name(self) -> str:
        return " ".join(self.fields.get("name", ())).strip()
