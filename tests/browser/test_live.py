"""What happens on the server reaches an open page by itself."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SignIn
from tests.cast import Cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class TestConnection:
    def test_is_there_on_every_page(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera).open("/admin/")
        expect(page.locator("html")).to_have_attribute("data-live-state", "live")
