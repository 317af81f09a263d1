"""The key that `make run` makes: once, closed to others, and read by the development settings' provider."""

from __future__ import annotations

from pathlib import Path

from pytest_django import Settings

from accounts.sealing import providers
from scheduler_project.embedded.state import encryption_keys_file, keep_encryption_keys


def test_is_made_once_and_wraps(tmp_path: Path, settings: Settings) -> None:
    keep_encryption_keys(tmp_path)
    file = encryption_keys_file(tmp_path)
    made = file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    settings.DAYBOOK_KEY_PROVIDER, settings.DAYBOOK_ENCRYPTION_KEYS_FILE = "file", str(file)
    wrapped = providers.active().wrap(b"key", context=b"c")
    keep_encryption_keys(tmp_path)
    assert file.read_text() == made
    assert providers.active().unwrap(wrapped, context=b"c") == b"key"
    file.unlink()
    keep_encryption_keys(tmp_path)
    assert providers.active().active_id() != wrapped.key_id
