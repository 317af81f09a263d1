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
        answer = client_of(cast.root).send("POST", f"{PATH}/mail/reset").json()
        assert (answer["state"], answer["why"]) == ("closed", "closed by user:root")
        assert breakers.find("mail").state is State.CLOSED

    def test_is_for_superusers(self, by_key: ApiClient) -> None:
        opened("mail")
        answer = by_key.send("POST", f"{PATH}/mail/reset")
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "superuser_only")
        assert breakers.find("mail").state is State.OPEN

    def test_knows_no_name_that_never_opened(self, client_of: ClientOf, cast: Cast) -> None:
        answer = client_of(cast.root).send("POST", f"{PATH}/http:other.example/reset")
        assert answer.status_code == 404
        assert "ever opened" in answer.json()["error"]["message"]

    @pytest.mark.parametrize("name", ["%00", "a%00b", "a%20b", "%ff", "x" * 301, "..%2f", "%F0%9F%92%A9"])
    def test_knows_no_strange_name(self, client_of: ClientOf, cast: Cast, name: str) -> None:
        assert client_of(cast.root).send("POST", f"{PATH}/{name}/reset").status_code in (400, 404)

    def test_refuses_a_body_that_says_something(self, client_of: ClientOf, cast: Cast) -> None:
        assert client_of(cast.root).send("POST", f"{PATH}/mail/reset", {"name": "other"}).status_code == 400
