"""Tenants, their members and their API keys."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.audit.models import ApiRequest as ApiRequest
from accounts.audit.models import AuditDigests as AuditDigests
from accounts.audit.models import AuditEntry as AuditEntry
from accounts.audit.models import AuditSeal as AuditSeal
from accounts.limits.models import RateLimit as RateLimit
from accounts.scopes import Role, Scope


class Tenant(models.Model):
    """A customer. Rows that belong to one carry its id; tenants are deactivated, never deleted."""

    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "tenants"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """What a user may do in a tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "memberships"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user"], name="one_membership_per_user_and_tenant"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant} as {self.role}"


class ApiKey(models.Model):
    """A credential of a program. The key itself is shown once; only its prefix and hash are kept."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=200)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the whole key, in hexadecimal")
    scopes = ArrayField(models.CharField(max_length=40, choices=Scope))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True, default="", db_default="", help_text="user:<name>, …")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="Written by a sweep, so a little late")
    rotated_from = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="replaced_by"
    )
    is_internal = models.BooleanField(
        "internal",
        default=False,
        db_default=False,
        help_text="Of a program of our own: no rate limit holds for it. Only superusers make such keys.",
    )

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SignIn(models.Model):
    """A person who asked for tokens: one row for all that came of it. Written by `accounts.tokens` only."""

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+", help_text="None: all")
    scopes = ArrayField(models.CharField(max_length=40))
    is_unlimited = models.BooleanField(default=False, help_text="A superuser who asked for no limit")
    password_mark = models.CharField(max_length=64, help_text="Changes with the password")
    refresh_id = models.CharField(max_length=32, help_text="The refresh token that is good now")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=20, default="")

    class Meta:
        db_table = "sign_ins"
        indexes = [models.Index(fields=["expires_at"], name="sign_ins_by_expiry")]

    def __str__(self) -> str:
        return f"{self.user} since {self.created_at:%Y-%m-%d %H:%M}"


class IdempotencyRecord(models.Model):
    """The first answer to a request that came with an Idempotency-Key. Written by `accounts.idempotency` only."""

    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.CASCADE, related_name="+")
    principal = models.CharField(max_length=200, help_text="user:<name> or key:<prefix>")
    route = models.CharField(max_length=200, help_text="The method and the path")
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64, help_text="SHA-256 of all else that was asked for")
    status = models.PositiveSmallIntegerField(null=True, help_text="None only inside the transaction of the request")
    response = models.TextField(blank=True, default="")
    location = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_store"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "principal", "route", "key"],
                name="one_answer_per_idempotency_key",
                nulls_distinct=False,
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="idempotency_by_expiry")]

    def __str__(self) -> str:
        return f"{self.key} of {self.principal}"


class DataKey(models.Model):
    """A key that seals a tenant's secrets, wrapped by one that the database never sees. Written by `accounts.sealing`
    and never deleted: history may need it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=20)
    key_id = models.CharField(max_length=300, help_text="The key of the provider that wraps it")
    wrapped = models.TextField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    retired_at = models.DateTimeField(null=True, help_text="From then on it only opens what it has sealed")
    is_taking_over = models.BooleanField(
        default=False, db_default=False, help_text="A rotation has not ended that moves secrets to it"
    )

    class Meta:
        db_table = "data_keys"
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(retired_at=None), name="one_active_data_key_per_tenant"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} of {self.tenant_id}"
