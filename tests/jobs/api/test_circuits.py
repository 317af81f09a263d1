"""Circuits over the API: who sees them, and who may close one."""

from __future__ import annotations

import pytest

from scheduler_project.lib import circuits as breakers
from scheduler_project.lib.circuits import State
from tests.cast import ApiClient, Cast, ClientOf
from tests.circuits import opened

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_circuits")]

PATH = "/api/v1/circuits"


class TestList:
    def test_shows_mail_to_everybody_and_hosts_to_superusers(
        self, by_key: ApiClient, client_of: ClientOf, cast: Cast
    ) -> None:
        opened("http:vendor.example")
        assert [one["name"] for one in by_key.get(PATH).json()["results"]] == ["mail"]
        mail, vendor = client_of(cast.root).get(PATH).json()["results"]
        assert (mail["state"], mail["changed_at"], mail["why"]) == ("closed", None, "")
        assert (vendor["name"], vendor["state"], vendor["failures"]) == ("http:vendor.example", "open", 5)
        assert vendor["why"] == "ConnectionError: nobody there"
        assert vendor["opened_at"] < vendor["retry_at"]


class TestReset:
    def test_closes_it(self, client_of: ClientOf, cast: Cast) -> None:
        opened("mail")
        answer = client_of(cast.root).post(f"{PATH}/mail/reset").json()
        assert (answer["state"], answer["why"]) == ("closed", "closed by user:root")
        assert breakers.find("mail").state is State.CLOSED

    def test_is_for_superusers(self, by_key: ApiClient) -> None:
        opened("mail")
        answer = by_key.post(f"{PATH}/mail/reset")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "superuser_only")
        assert breakers.find("mail").state is State.OPEN

    def test_knows_no_name_that_never_opened(self, client_of: ClientOf, cast: Cast) -> None:
        answer = client_of(cast.root).post(f"{PATH}/http:other.example/reset")
        assert (answer.status_code, "never" in str(answer.json()) or "ever opened" in str(answer.json())) == (404, True)
