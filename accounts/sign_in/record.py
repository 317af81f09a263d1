"""Who signed in and out, and who failed to: entries of the audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed

from accounts import audit
from accounts.audit import Outcome


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="audit-signed-in")
    user_logged_out.connect(_signed_out, dispatch_uid="audit-signed-out")
    user_login_failed.connect(_failed, dispatch_uid="audit-sign-in-failed")


def refused(name: str) -> None:
    """The first one beyond a limit; the others would only fill the trail."""
    _record("sign_in.refused", "anonymous", name, Outcome.REFUSED)


def _signed_in(user: Any, **_: Any) -> None:
    _record("sign_in.done", f"user:{user.get_username()}", user.get_username(), Outcome.DONE)


def _signed_out(user: Any, **_: Any) -> None:
    if user is not None:
        _record("sign_in.ended", f"user:{user.get_username()}", user.get_username(), Outcome.DONE)


def _failed(credentials: dict[str, Any], **_: Any) -> None:
    _record("sign_in.failed", "anonymous", str(credentials.get("username", ""))[:150], Outcome.FAILED)


def _record(action: str, actor: str, name: str, outcome: Outcome) -> None:
    audit.record(action, actor=actor, tenant_id=None, target="user", target_name=name, outcome=outcome)
