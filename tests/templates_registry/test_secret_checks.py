"""The checks of templates with secrets: listed, and refused in production while there is no key."""

from __future__ import annotations

from pytest_django import Settings

from templates_registry import secret_checks


def test_refuses_to_start_in_production_without_a_key(settings: Settings) -> None:
    settings.DAYBOOK_KEY_PROVIDER = ""
    assert secret_checks.check_keys(None) == []
    settings.DAYBOOK_NEEDS_KEYS = True
    (error,) = secret_checks.check_keys(None)
    assert error.id == "daybook.E110"
    assert "no keys are set up" in error.msg
    assert "echo 1" in error.msg
    settings.DAYBOOK_KEY_PROVIDER, settings.DAYBOOK_ENCRYPTION_KEYS = "environment", {"k1": bytes(32)}
    assert secret_checks.check_keys(None) == []


def test_lists_what_is_secret() -> None:
    told = [message.msg for message in secret_checks.list_secrets(None)]
    assert "Template echo 1 has secrets: parameters.token." in told
    assert not any("failing" in text for text in told)
