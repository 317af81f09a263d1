"""The administrator that a start makes, in our own database and in somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from scheduler_project.embedded.prepare import make_administrator

pytestmark = pytest.mark.django_db
OWN, OTHERS = True, False


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "admin-password"


def admin() -> Any:
    return get_user_model().objects.get(username="admin")


def test_is_made_with_the_password_in_the_file(file: Path) -> None:
    assert make_administrator(file, own_database=OWN)
    assert admin().check_password(file.read_text().strip())
    assert file.stat().st_mode & 0o077 == 0


def test_stays_the_same_at_the_next_start(file: Path) -> None:
    make_administrator(file, own_database=OWN)
    before = file.read_text()
    assert make_administrator(file, own_database=OWN)
    assert file.read_text() == before


def test_gets_a_new_password_when_the_file_is_lost(file: Path) -> None:
    make_administrator(file, own_database=OWN)
    file.unlink()
    assert make_administrator(file, own_database=OWN)
    assert admin().check_password(file.read_text().strip())


def test_keeps_a_password_that_was_changed_there(file: Path) -> None:
    make_administrator(file, own_database=OWN)
    user = admin()
    user.set_password("chosen")
    user.save()
    assert not make_administrator(file, own_database=OWN)
    assert admin().check_password("chosen")


def test_keeps_everything_in_somebody_elses_database(file: Path) -> None:
    get_user_model().objects.create_superuser("admin", "a@example.com", "theirs")
    assert not make_administrator(file, own_database=OTHERS)
    assert admin().check_password("theirs")


def test_is_not_added_where_another_administrator_is(file: Path) -> None:
    get_user_model().objects.create_superuser("boss", "b@example.com", "theirs")
    assert not make_administrator(file, own_database=OTHERS)
    assert not get_user_model().objects.filter(username="admin").exists()
    assert not file.exists()
