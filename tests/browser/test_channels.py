"""Channels in a real browser: words tried while they are written, a test against a receiver, a rule with a new job."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from jobs.models import Job
from notifications.channels import changes
from notifications.models import Channel, Rule
from tests.browser.conftest import SignIn
from tests.browser.test_wizard import saved
from tests.cast import Cast
from tests.receivers import Receiver, receiver, status

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


class TestChannel:
    def test_is_made_tested_and_worded(self, cast: Cast, visit: SignIn, server: Receiver) -> None:
        page = visit(cast.ana).open("/admin/notifications/channels/")
        page.get_by_role("link", name=re.compile("^Webhook A")).click()
        page.get_by_label("Name", exact=True).fill("Chat")
        page.get_by_label("Address").fill(server.url("/in"))
        page.get_by_label("Title", exact=True).fill("{job} again: {nothing}")
        preview = page.locator("#channel-preview")
        expect(preview).to_contain_text("must not use {nothing}")
        page.get_by_label("Title", exact=True).fill("{job} again: {kind}")
        expect(preview).to_contain_text("Nightly export again: A run failed")
        page.get_by_label("Preview of").select_option(label="Ticks were missed")
        expect(preview).to_contain_text("Nightly export again: Ticks were missed")
        page.get_by_role("button", name="Create channel").click()
        secret = page.get_by_label("Secret of Chat").input_value()
        page.get_by_role("link", name="I have stored it").click()
        server.answers["/in"] = status(503, b"busy <b>now</b>")
        page.get_by_role("button", name="Send a test").click()
        result = page.locator("#test-result")
        expect(result).to_be_focused()
        expect(result).to_contain_text("It was not taken. Status 503")
        expect(result).to_contain_text("busy <b>now</b>")
        server.answers["/in"] = status(200)
        page.get_by_role("button", name="Send a test").click()
        expect(result).to_contain_text("The receiver took it.")
        assert [call.headers["x-daybook-event"] for call in server.calls] == ["notification.test"] * 2
        assert secret == Channel.objects.get().newest_secret()
        assert secret not in page.content()


class TestWizard:
    def test_makes_a_rule_with_the_job(self, cast: Cast, visit: SignIn) -> None:
        data = {"name": "Ops mail", "kind": "email", "config": {"to": ["ops@example.com"]}}
        changes.create(data, tenant=cast.acme, actor="user:ana")
        page = visit(cast.ana).open("/admin/jobs/job/add/?template=echo")
        page.get_by_role("button", name="Continue with it").click()
        page.get_by_label("Name", exact=True).fill("Told of")
        for _ in range(2):
            page.get_by_role("button", name="Continue", exact=True).last.click()
        expect(page.get_by_text("Owners hear of failures, recoveries and missed ticks")).to_be_visible()
        page.get_by_role("heading", name="A rule of its own").click()
        page.get_by_label("A run failed", exact=True).check()
        page.get_by_role("button", name="Continue", exact=True).last.click()
        summary = page.locator("#error-summary")
        expect(summary).to_contain_text("Choose who hears of it.")
        page.get_by_label("Ops mail (E-mail)").check()
        with saved(page):
            page.get_by_label("Failures in a row").fill("3")
            page.get_by_label("Failures in a row").blur()
        page.goto(page.url)
        expect(page.get_by_label("Ops mail (E-mail)")).to_be_checked()
        page.get_by_role("button", name="Continue", exact=True).last.click()
        expect(page.get_by_text("A run failed (3 in a row); further failures are not told", exact=True)).to_be_visible()
        page.get_by_text("The same by a program").click()
        expect(page.get_by_label("Then its rule, by the id of the new job: curl")).to_have_value(
            re.compile("/api/v1/notification-rules")
        )
        page.get_by_role("button", name="Create job").click()
        page.get_by_role("link", name="Notifications", exact=True).last.click()
        expect(page.get_by_role("link", name="Told of: a run failed (3 in a row)")).to_be_visible()
        page.get_by_role("button", name="Mute for me").click()
        expect(page.get_by_text("You have muted it")).to_be_visible()
        job, rule = Job.objects.get(), Rule.objects.get()
        assert (rule.job, rule.in_row, [channel.name for channel in rule.channels.all()]) == (job, 3, ["Ops mail"])
