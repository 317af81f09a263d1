"""Circuits in the admin."""

from __future__ import annotations

import pytest

from scheduler_project.lib import circuits as breakers
from scheduler_project.lib.circuits import State
from tests.circuits import opened
from tests.jobs.admin.conftest import Browser

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_circuits")]

LIST = "/admin/jobs/circuitevent/"


class TestPage:
    def test_says_that_none_ever_opened(self, as_root: Browser) -> None:
        page = as_root.text(LIST)
        assert "No circuit ever opened" in page
        assert "Closed, calls are made" in page

    def test_shows_what_is_open_and_closes_it(self, as_root: Browser) -> None:
        opened("http:vendor.example")
        page = as_root.text(LIST)
        assert "Open, nobody calls it" in page
        assert "ConnectionError: nobody there" in page
        told = as_root.told(as_root.post(f"{LIST}reset/", {"name": "http:vendor.example"}))
        assert told == ["The circuit http:vendor.example is closed: the next call is made."]
        assert breakers.find("http:vendor.example").state is State.CLOSED

    @pytest.mark.parametrize("name", ["", "a\x00b", "x" * 1000])
    def test_knows_no_strange_name(self, as_root: Browser, name: str) -> None:
        assert as_root.post(f"{LIST}reset/", {"name": name}).status_code == 404

    def test_is_for_superusers(self, as_vera: Browser) -> None:
        opened("mail")
        assert as_vera.get(LIST).status_code == 403
        assert as_vera.post(f"{LIST}reset/", {"name": "mail"}).status_code == 403
        assert breakers.find("mail").state is State.OPEN
