"""What follows when rows of accounts change, whoever changes them: this process forgets what it remembers of them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import m2m_changed, post_delete, post_save

from accounts import memory
from accounts.models import ApiKey, Membership, SignIn, Tenant

# Who signs in changes nothing about what they may do.
UNIMPORTANT = frozenset({"last_login"})


def connect() -> None:
    user = get_user_model()
    for model in (ApiKey, Membership, SignIn, Tenant, user):
        post_save.connect(_forget, sender=model, dispatch_uid=f"forget-saved-{model.__name__}")
        post_delete.connect(_forget, sender=model, dispatch_uid=f"forget-deleted-{model.__name__}")
    for through in (user.groups.through, user.user_permissions.through):
        m2m_changed.connect(_forget, sender=through, dispatch_uid=f"forget-{through.__name__}")


def _forget(created: bool = False, update_fields: frozenset[str] | None = None, **_: Any) -> None:
    if created or (update_fields is not None and update_fields <= UNIMPORTANT):
        return
    memory.forget()
