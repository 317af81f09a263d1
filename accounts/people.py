"""Users whom no page of the admin has changed: by a command, or by themselves on the page for the own password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, post_save

from accounts import audit
from scheduler_project.lib import origin


def connect() -> None:
    user = get_user_model()
    post_save.connect(_saved, sender=user, dispatch_uid="audit-user-saved")
    post_delete.connect(_deleted, sender=user, dispatch_uid="audit-user-deleted")


def _saved(instance: Any, created: bool, **_: Any) -> None:
    where = origin.current.get()
    has_new_password = getattr(instance, "_password", None) is not None  # Django forgets it right after this
    if where.via == "command":
        if created:
            facts = {name: getattr(instance, name) for name in ("is_active", "is_staff", "is_superuser")}
            _record("user.created", instance, origin.operator(), after=facts)
        elif has_new_password:
            _record("user.password_changed", instance, origin.operator())
    elif where.via == "admin" and has_new_password and where.path.endswith("/password_change/"):
        _record("user.password_changed", instance, f"user:{instance.get_username()}")


def _deleted(instance: Any, **_: Any) -> None:
    if origin.current.get().via == "command":
        _record("user.deleted", instance, origin.operator())


def _record(action: str, user: Any, actor: str, **states: Any) -> None:
    name = user.get_username()
    audit.record(action, actor=actor, tenant_id=None, target="user", target_id=user.pk, target_name=name, **states)
