from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.core.mail import EmailMessage

from templates_registry.builtin.email_notification import EmailNotificationTemplate
from templates_registry.testing import RecordingContext
from tests.templates_registry.test_placeholders import ATTACKS

MAIL = {
    "recipients": ["ana@example.org", "bo@example.org"],
    "subject": "{job} ran at {scheduled_for}",
    "body": "Try {attempt} of {execution_id} for {tenant}, begun {started_at}.\n{{done}}",
}


def context(**changes: Any) -> RecordingContext:
    values: dict[str, Any] = {
        "job_name": "Nightly report",
        "run_key": UUID(int=7),
        "started_at": datetime(2026, 5, 1, 2, 0, 3, 99, tzinfo=UTC),
        "scheduled_for": datetime(2026, 5, 1, 2, tzinfo=UTC),
    }
    return RecordingContext(**{**values, **changes})


class TestParameters:
    def test_accept(self) -> None:
        assert EmailNotificationTemplate.find_problems(MAIL) == {}

    @pytest.mark.parametrize("text", ATTACKS)
    def test_refuse_placeholders_that_reach_further(self, text: str) -> None:
        assert list(EmailNotificationTemplate.find_problems({**MAIL, "body": text})) == ["parameters.body"]
        assert list(EmailNotificationTemplate.find_problems({**MAIL, "subject": text})) == ["parameters.subject"]

    @pytest.mark.parametrize(
        "subject",
        ["a\nBcc: x@y.z", "a\r\nBcc: x@y.z", "a\n", "\na", "a\rb", "a\x0bb", "a\x0cb", "a\x00b", "a\x7fb", "a\u0085b",
         "a\u2028b", "a\u2029b", "", "x" * 201],
    )  # fmt: skip
    def test_refuse_a_subject_that_is_not_one_line(self, subject: str) -> None:
        assert (
            "parameters.subject" in str(EmailNotificationTemplate.find_problems({**MAIL, "subject": subject}))
            or "\x00" in subject
        )
        assert EmailNotificationTemplate.find_problems({**MAIL, "subject": subject})

    @pytest.mark.parametrize(
        "recipient",
        ["", "@", "a", "a@", "@b", "a b@c.d", "a@b c", "a@b\n", "a@b\nBcc: c@d", "a@b,c@d", "a@b;c@d", "A <a@b.c>",
         "a@-b.c", "a@b..c", "a@" + "b" * 64 + ".c", "a" * 65 + "@b.c", 5],
    )  # fmt: skip
    def test_refuse_what_is_no_address(self, recipient: Any) -> None:
        problems = EmailNotificationTemplate.find_problems({**MAIL, "recipients": ["a@b.c", recipient]})
        assert list(problems) == ["parameters.recipients[1]"]

    @pytest.mark.parametrize("recipients", [[], ["a@b.c", "a@b.c"], [f"a{n}@b.c" for n in range(101)], "a@b.c"])
    def test_refuse_a_list_that_is_empty_repeated_or_too_long(self, recipients: Any) -> None:
        assert list(EmailNotificationTemplate.find_problems({**MAIL, "recipients": recipients})) == [
            "parameters.recipients"
        ]


class TestRun:
    def test_sends_one_mail(self, mailoutbox: list[EmailMessage]) -> None:
        run = context()
        result = EmailNotificationTemplate().run(run, MAIL)
        (mail,) = mailoutbox
        assert mail.to == MAIL["recipients"]
        assert mail.subject == "Nightly report ran at 2026-05-01T02:00:00+00:00"
        assert mail.body == "Try 1 of 1 for test, begun 2026-05-01T02:00:03+00:00.\n{done}"
        assert result == {"recipients": 2, "message_id": "<00000000-0000-0000-0000-000000000007@localhost>"}
        assert mail.message()["Message-ID"] == "<00000000-0000-0000-0000-000000000007@localhost>"
        assert run.lines == [("info", "Sent to 2 recipients.")]

    def test_says_when_it_began_if_no_schedule_asked_for_it(self, mailoutbox: list[EmailMessage]) -> None:
        EmailNotificationTemplate().run(context(scheduled_for=None), MAIL)
        assert mailoutbox[0].subject.endswith("02:00:03+00:00")

    @pytest.mark.parametrize(
        "name", ["a\nBcc: evil@example.org", "a\r\n\r\nbody", "a\x0b\x0cb", "a\u2028b", "{tenant}"]
    )
    def test_keeps_the_name_of_the_job_out_of_the_headers(self, mailoutbox: list[EmailMessage], name: str) -> None:
        EmailNotificationTemplate().run(context(job_name=name), MAIL)
        message = mailoutbox[0].message()
        assert len(mailoutbox[0].subject.splitlines()) == 1
        assert message["Bcc"] is None
        assert mailoutbox[0].recipients() == MAIL["recipients"]

    def test_fails_so_that_it_is_tried_again_when_nothing_was_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(EmailMessage, "send", lambda self: 0)
        with pytest.raises(ConnectionError) as failed:
            EmailNotificationTemplate().run(context(), MAIL)
        assert EmailNotificationTemplate.may_retry(failed.value)

    def test_takes_the_domain_of_the_sender(self, settings: Any, mailoutbox: list[EmailMessage]) -> None:
        settings.DEFAULT_FROM_EMAIL = "Daybook <jobs@example.com>"
        EmailNotificationTemplate().run(context(), MAIL)
        assert mailoutbox[0].message()["Message-ID"].endswith("@example.com>")


class TestDryRun:
    def test_shows_the_mail_and_sends_none(self, mailoutbox: list[EmailMessage]) -> None:
        report = EmailNotificationTemplate().dry_run(context(), MAIL)
        assert report.count == 2
        assert report.sample == MAIL["recipients"]
        assert report.facts["subject"] == "Nightly report ran at 2026-05-01T02:00:00+00:00"
        assert str(report.facts["body"]).endswith("{done}")
        assert mailoutbox == []
