"""Swagger UI: all from our own host, without a complaint of the browser, and it takes a key."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.cast import Cast, MakeKey

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_takes_a_key(chromium: Browser, web: str, cast: Cast, make_key: MakeKey) -> None:
    _, key = make_key()
    page = chromium.new_page(viewport={"width": 1366, "height": 900})
    foreign: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: None if request.url.startswith((web, "data:")) else foreign.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{web}/api/docs/")
    page.locator(".btn.authorize").click(timeout=30_000)
    scheme = page.locator(".auth-container").filter(has_text="bearerKey")
    scheme.locator("input").fill(key)
    scheme.get_by_role("button", name="Apply credentials").or_(scheme.get_by_role("button", name="Authorize")).click()
    page.locator(".btn-done").first.click()
    page.locator("[data-tag=jobs]").click()
    expect(page.locator(".opblock").first).to_be_visible()
    expect(page.locator("[data-tag]").last).to_have_attribute("data-tag", "compatibility")  # below the API's own paths
    page.close()
    assert not foreign
    assert not complaints
