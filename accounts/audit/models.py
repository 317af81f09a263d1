"""The rows of the trail, of its seals and of the record of requests. `sql/audit.sql` makes their tables."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class AuditEntry(models.Model):
    """Who did what to what, when and from where. Only ever added, by `accounts.audit.record`."""

    at = models.DateTimeField()
    xid = models.BigIntegerField(help_text="The transaction that wrote it; default pg_current_xact_id()")
    tenant = models.ForeignKey(
        "accounts.Tenant", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor = models.CharField(max_length=200, help_text="user:<name>, key:<prefix>, command:<name> or system:<part>")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=60)
    target_id = models.CharField(max_length=200, blank=True, default="")
    target_name = models.CharField(max_length=200, blank=True, default="")
    changes = models.JSONField(default=dict, help_text="Field by field what was before and what is after")
    note = models.TextField(blank=True, default="")
    outcome = models.CharField(
        max_length=10, choices=[("done", "Done"), ("refused", "Refused"), ("failed", "Failed")], default="done"
    )
    via = models.CharField(max_length=10, default="system")
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")
    method = models.CharField(max_length=10, blank=True, default="")
    path = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        db_table = "audit_entries"
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.action} by {self.actor}"


class AuditSeal(models.Model):
    """A link of the chain over the trail. Written by `accounts.audit.sealing` only."""

    sequence = models.BigIntegerField(primary_key=True)
    kind = models.CharField(
        max_length=10, choices=[("entries", "Entries"), ("restored", "Restored"), ("dropped", "Dropped")]
    )
    month = models.DateField(help_text="Of the entries that it covers")
    count = models.PositiveIntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    last_xid = models.BigIntegerField()
    highest_id = models.BigIntegerField(help_text="The highest id that is sealed, here or before")
    floor_id = models.BigIntegerField(help_text="Ids up to here are of an older numbering of transactions")
    root = models.BinaryField(help_text="SHA-256 over the ids and digests of the entries")
    previous = models.BinaryField()
    hash = models.BinaryField(help_text="SHA-256 over all else of this row")
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_seals"
        ordering = ["sequence"]

    def __str__(self) -> str:
        return f"Seal {self.sequence}"


class AuditDigests(models.Model):
    """The digest of each entry of a seal, in order. Goes with the month of the entries."""

    sequence = models.BigIntegerField(primary_key=True)
    month = models.DateField()
    ids = ArrayField(models.BigIntegerField())
    digests = models.BinaryField()

    class Meta:
        db_table = "audit_digests"
        verbose_name_plural = "audit digests"

    def __str__(self) -> str:
        return f"Digests of seal {self.sequence}"


class ApiRequest(models.Model):
    """One call of the API. Written by `accounts.request_log` only, some seconds after the answer."""

    number = models.UUIDField(help_text="Made for each call, so that it is stored once")
    at = models.DateTimeField()
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=100, blank=True, default="")
    path = models.CharField(max_length=500)
    status = models.PositiveSmallIntegerField()
    milliseconds = models.FloatField()
    bytes = models.BigIntegerField(null=True, help_text="Of the answer; unknown for a streamed one")
    tenant = models.ForeignKey(
        "accounts.Tenant", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    principal = models.CharField(max_length=200, blank=True, default="")
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        db_table = "api_requests"
        ordering = ["-id"]
        verbose_name = "API request"

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"
