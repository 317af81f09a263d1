"""The pages of deliveries: found by what is in the address, each with its tries, and sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from notifications.models import Channel, Delivery
from scheduler_project.lib import sql
from tests.cast import Cast
from tests.jobs.admin.conftest import Browser
from tests.notifications.admin.conftest import MakeChannel, delivery_of

pytestmark = pytest.mark.django_db

LIST = "/admin/notifications/deliveries/"


def shown(browser: Browser, **query: Any) -> list[int]:
    return [row["delivery"].pk for row in browser.get(LIST, query).context["rows"]]


def url(name: str, *ids: object) -> str:
    return reverse(f"admin:notification_{name}", args=ids)


class TestList:
    def test_says_what_makes_the_first_one(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        assert "of which there is none" in as_ana.text(LIST)
        channel_of()
        assert "A delivery is made when" in as_ana.text(LIST)
        assert "No delivery fits" in as_ana.text(LIST, status="dead")

    def test_is_narrowed_by_its_address(self, as_ana: Browser, channel_of: MakeChannel, cast: Cast) -> None:
        mail, chat = channel_of(), channel_of("Chat")
        dead, waiting, delivered = delivery_of(mail), delivery_of(mail, "waiting"), delivery_of(chat, "delivered")
        Delivery.objects.filter(pk=waiting.pk).update(facts={"kind": "missed", "job": {"id": 2, "name": "Day load"}})
        delivery_of(channel_of("Theirs", tenant=cast.globex))
        assert shown(as_ana) == [delivered.pk, waiting.pk, dead.pk]
        for query, expected in (
            ({"status": "dead"}, [dead.pk]),
            ({"channel": chat.pk}, [delivered.pk]),
            ({"kind": "missed"}, [waiting.pk]),
            ({"q": "night"}, [delivered.pk, dead.pk]),
            ({"q": str(dead.pk)}, [dead.pk]),
            ({"q": str(waiting.uid)}, [waiting.pk]),
            ({"older": waiting.pk}, [dead.pk]),
            (
                {"status": "no such", "channel": "x", "older": "9" * 40},
                [delivered.pk, waiting.pk, dead.pk],
            ),
        ):
            assert shown(as_ana, **query) == expected, query
        text = as_ana.text(LIST, status="dead", channel=mail.pk)
        assert "Filters in force" in text
        assert "Given up after 31 tries." in text

    def test_leads_to_older_ones(
        self, as_ana: Browser, channel_of: MakeChannel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("notifications.admin.deliveries.list_page.PAGE", 2)
        channel = channel_of()
        rows = [delivery_of(channel).pk for _ in range(3)]
        response = as_ana.get(LIST, {"status": "dead"})
        assert [row["delivery"].pk for row in response.context["rows"]] == rows[:0:-1]
        assert response.context["older_url"] == f"?status=dead&older={rows[1]}"
        assert shown(as_ana, status="dead", older=rows[1]) == [rows[0]]

    def test_looks_through_so_many_for_what_has_no_index_and_says_so(
        self, as_ana: Browser, channel_of: MakeChannel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("notifications.admin.deliveries.list_page.RECENT", 3)
        channel = channel_of()
        old = delivery_of(channel)
        elsewhere = [delivery_of(channel, facts={"kind": "missed", "job": {"id": 2, "name": "Day"}}) for _ in range(3)]
        for query in ({"q": "night"}, {"kind": "failed"}):
            response = as_ana.get(LIST, query)
            assert response.context["rows"] == []
            assert "newest 3" in response.content.decode()
            assert response.context["older_url"].endswith(f"older={elsewhere[0].pk}")
            older = as_ana.get(LIST, {**query, "older": elsewhere[0].pk})
            assert [row["delivery"].pk for row in older.context["rows"]] == [old.pk]
            assert older.context["older_url"] == ""
        assert shown(as_ana, q=str(old.pk)) == shown(as_ana, q=str(old.uid)) == [old.pk]


class TestPage:
    def test_shows_what_is_said_and_each_try(self, as_ana: Browser, as_vera: Browser, channel_of: MakeChannel) -> None:
        delivery = delivery_of(channel_of(), to=["ana@example.com"])
        text = as_ana.text(url("delivery", delivery.pk))
        for words in ("Night load failed", "It &lt;i&gt;broke&lt;/i&gt;", "&lt;b&gt;no&lt;/b&gt;", "Send again", "500"):
            assert words in text
        assert "ana@example.com" in text
        others = as_vera.text(url("delivery", delivery.pk))
        assert "Night load failed" in others
        assert "ana@example.com" not in others
        assert "Send again" not in others

    def test_shows_words_that_would_be_refused_today(self, as_vera: Browser, channel_of: MakeChannel) -> None:
        channel = channel_of()
        Channel.objects.filter(pk=channel.pk).update(title_text="{gone} {job}")
        delivery = delivery_of(channel, log=[{"at": "x", "seconds": 1, "status": None, "answer": "", "error": ""}])
        assert "Night load" in as_vera.text(url("delivery", delivery.pk))

    def test_says_when_a_waiting_one_goes_out(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        later = sql.now() + timedelta(hours=3)
        gathered = delivery_of(channel_of(), "waiting", tries=0, log=[], not_before=later, next_try_at=later)
        text = as_ana.text(url("delivery", gathered.pk))
        assert "It goes out" in text
        assert "Not tried yet." in text
        failed = delivery_of(gathered.channel, "waiting", next_try_at=later)
        assert "Next try" in as_ana.text(url("delivery", failed.pk))
        assert "goes out in 2 h" in as_ana.text(LIST)

    def test_says_when_it_is_its_channel_that_it_waits_for(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        delivery = delivery_of(channel_of(), "waiting")
        assert "It is due now." in as_ana.text(url("delivery", delivery.pk))
        Channel.objects.update(open_until="2099-01-01T00:00:00Z")
        assert "its channel failed too often" in as_ana.text(url("delivery", delivery.pk))
        assert "its channel is called again" in as_ana.text(LIST)
        Channel.objects.update(is_enabled=False)
        assert "its channel is switched off" in as_ana.text(url("delivery", delivery.pk))
        assert "its channel is switched off" in as_ana.text(LIST)

    def test_is_sent_again_once(self, as_ana: Browser, channel_of: MakeChannel) -> None:
        delivery = delivery_of(channel_of())
        as_ana.post(url("delivery_again", delivery.pk))
        answer = as_ana.post(url("delivery_again", delivery.pk))
        delivery.refresh_from_db()
        assert (delivery.status, delivery.tries) == ("waiting", 0)
        assert as_ana.told(answer) == ["It is sent again within a second or two.", "It waits to be sent already."]
        assert AuditEntry.objects.filter(action="notification_channel.redelivered").count() == 1

    def test_is_not_for_others(
        self, as_vera: Browser, as_gita: Browser, as_ana: Browser, channel_of: MakeChannel
    ) -> None:
        delivery = delivery_of(channel_of())
        assert as_vera.post(url("delivery_again", delivery.pk)).status_code == 403
        assert as_gita.post(url("delivery_again", delivery.pk)).status_code == 404
        assert as_gita.get(url("delivery", delivery.pk)).status_code == 404
        assert as_ana.get(url("delivery_again", delivery.pk)).status_code == 405
        delivery.refresh_from_db()
        assert delivery.status == "dead"
