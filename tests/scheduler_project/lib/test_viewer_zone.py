from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client

from scheduler_project.lib import markup, viewer_zone
from tests.cast import Cast

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class TestZone:
    def test_is_utc_until_the_viewer_chooses(self) -> None:
        viewer_zone.choose("")
        assert "Sat 21 Nov, 12:00:00 UTC" in markup.instant(NOW, now=NOW)

    def test_shows_the_same_instant_on_the_chosen_clock(self) -> None:
        viewer_zone.choose("Asia/Kathmandu")
        shown = markup.instant(NOW, now=NOW)
        viewer_zone.choose("")
        assert "Sat 21 Nov, 17:45:00 +0545" in shown
        assert 'datetime="2026-11-21T12:00:00+00:00"' in shown

    @pytest.mark.parametrize("name", ["Nowhere/City", "../../etc/passwd", "x" * 5_000, "\x00"])
    def test_that_means_nothing_is_utc(self, name: str) -> None:
        viewer_zone.choose(name)
        assert viewer_zone.name() == "UTC"


@pytest.mark.django_db
class TestCookie:
    def test_chooses_for_one_request(self, cast: Cast, client: Client) -> None:
        client.force_login(cast.root)
        client.cookies[viewer_zone.COOKIE] = "Europe/Berlin"
        client.get("/admin/")
        chosen = viewer_zone.name()
        del client.cookies[viewer_zone.COOKIE]
        client.get("/admin/")
        assert (chosen, viewer_zone.name()) == ("Europe/Berlin", "UTC")
