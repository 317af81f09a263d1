"""Outbound calls: what is refused, what is followed, and how each one ends in time."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from scheduler_project.lib.addresses import Allowed
from scheduler_project.lib.http import BadAnswer, BadStatus, HttpClient, OutboundFailed, OutboundRefused
from tests.certificates import server_context
from tests.receivers import Receiver, receiver, redirect, status

LOOPBACK = Allowed(["127.0.0.1", "localhost"])


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def client() -> HttpClient:
    return HttpClient(allowed=LOOPBACK, time_limit=timedelta(seconds=2))


Answers = Callable[..., None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Lets a host name resolve to these addresses; given several lists, another one at each question."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, port, *arguments, **options)
        turns = known[host]
        addresses = turns.pop(0) if len(turns) > 1 else turns[0]
        return [found for address in addresses for found in real(address, port, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def set_names(host: str, *turns: list[str]) -> None:
        known[host] = list(turns)

    return set_names


class TestRequest:
    def test_sends_and_reads_json(self, server: Receiver, client: HttpClient) -> None:
        response = client.post(server.url("/in"), json={"a": 1}, headers={"X-Token": "t"}, params={"q": "ä b"})
        [call] = server.calls
        assert (response.status, response.json()) == (200, {"ok": True})
        assert (call.method, call.path, call.body) == ("POST", "/in?q=%C3%A4+b", b'{"a": 1}')
        assert (call.headers["content-type"], call.headers["x-token"]) == ("application/json", "t")

    def test_returns_an_answer_of_any_status(self, server: Receiver, client: HttpClient) -> None:
        server.answers["/"] = status(500)
        response = client.get(server.url())
        assert not response.is_ok
        with pytest.raises(BadStatus, match="answered with the status 500"):
            response.raise_for_status()

    def test_unpacks_what_is_packed_and_counts_its_real_size(self, server: Receiver, client: HttpClient) -> None:
        server.answers["/small"] = status(200, gzip.compress(b'{"a": 2}'), Content_Encoding="gzip")
        server.answers["/bomb"] = status(200, gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip")
        assert client.get(server.url("/small")).json() == {"a": 2}
        with pytest.raises(BadAnswer, match="larger than 1,048,576 bytes"):
            client.get(server.url("/bomb"))

    def test_keeps_no_more_than_the_limit(self, server: Receiver, client: HttpClient) -> None:
        server.answers["/fits"] = status(200, b"x" * 1_048_576)
        server.answers["/large"] = status(200, b"x" * 1_048_577)
        assert len(client.get(server.url("/fits")).body) == 1_048_576
        with pytest.raises(BadAnswer, match="larger than"):
            client.get(server.url("/large"))

    def test_says_that_an_answer_is_not_json(self, server: Receiver, client: HttpClient) -> None:
        server.answers["/"] = status(200, b"<html>")
        with pytest.raises(BadAnswer, match="is not JSON"):
            client.get(server.url()).json()

    def test_asks_no_proxy_of_the_environment(
        self, server: Receiver, client: HttpClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert client.get(server.url()).status == 200

    def test_refuses_headers_that_would_break_out_of_their_line(self, server: Receiver, client: HttpClient) -> None:
        with pytest.raises(OutboundRefused, match="cannot be sent"):
            client.get(server.url(), headers={"X-A": "b\r\nX-Admin: yes"})
        assert not server.calls

    def test_says_that_a_host_cannot_be_reached(self, client: HttpClient) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        with pytest.raises(OutboundFailed, match="cannot be called"):
            client.get(f"http://127.0.0.1:{port}/")


class TestTls:
    @pytest.fixture
    def server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
        """It has a certificate for vendor.internal, which this process trusts."""
        tls, authority = server_context("vendor.internal", tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        with receiver(tls=tls) as running:
            yield running

    def test_checks_the_certificate_against_the_name(self, server: Receiver, names: Answers) -> None:
        for name in ("vendor.internal", "other.internal"):
            names(name, ["127.0.0.1"])
        client = HttpClient(allowed=Allowed(["127.0.0.1"]))
        assert client.get(f"https://vendor.internal:{server.port}/").status == 200
        with pytest.raises(OutboundFailed, match="certificate verify failed"):
            client.get(f"https://other.internal:{server.port}/")
        assert len(server.calls) == 1

    def test_ends_a_slow_answer_in_time(self, server: Receiver, names: Answers) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            for _ in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.05)

        server.answers["/"] = drip
        names("vendor.internal", ["127.0.0.1"])
        client = HttpClient(allowed=Allowed(["127.0.0.1"]), time_limit=timedelta(seconds=0.5))
        with pytest.raises(OutboundFailed, match="did not answer within"):
            client.get(f"https://vendor.internal:{server.port}/")


class TestTimeLimit:
    def _ends_in_time(self, url: str) -> None:
        started = time.monotonic()
        with pytest.raises(OutboundFailed, match=r"did not answer within 0\.5 s"):
            HttpClient(allowed=LOOPBACK, time_limit=timedelta(seconds=0.5)).get(url)
        assert time.monotonic() - started < 2

    def test_ends_a_call_that_gets_no_answer(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self._ends_in_time(f"http://127.0.0.1:{silent.getsockname()[1]}/")

    def test_ends_an_answer_that_comes_byte_by_byte(self, server: Receiver) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            for _ in range(100):
                handler.wfile.write(b"x")
                time.sleep(0.05)

        server.answers["/"] = drip
        self._ends_in_time(server.url())

    def test_ends_headers_that_come_byte_by_byte(self, server: Receiver) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.05)

        server.answers["/"] = drip
        self._ends_in_time(server.url())

    def test_ends_a_name_that_is_not_resolved(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3) or [])
        self._ends_in_time("http://vendor.example/")


HIDDEN_LOOPBACK = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://10.0.0.1/",
    "http://224.0.0.1/",
    "http://8.8.8.8@127.0.0.1/",
    "http://127.0.0.1#@8.8.8.8/",
    "http://127.0.0.1\\@8.8.8.8/",
]


class TestRefusal:
    @pytest.mark.parametrize("url", HIDDEN_LOOPBACK)
    def test_reaches_nothing_inside_by_any_spelling(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def connect(*_: object) -> None:
            raise AssertionError("a connection was tried")

        monkeypatch.setattr(socket.socket, "connect", connect)
        with pytest.raises(OutboundRefused):
            HttpClient(allowed=Allowed()).get(url)

    @pytest.mark.parametrize(
        "url", ["ftp://host/", "file:///etc/passwd", "gopher://host/", "//host/", "host", "http://"]
    )
    def test_knows_only_http_and_https(self, url: str) -> None:
        with pytest.raises(OutboundRefused, match="begin with http"):
            HttpClient(allowed=Allowed()).get(url)

    def test_wants_no_password_in_the_address(self) -> None:
        with pytest.raises(OutboundRefused, match="Authorization header"):
            HttpClient(allowed=Allowed()).check("https://ana:secret@vendor.example/")

    @pytest.mark.parametrize("port", [22, 25, 6379, 5432])
    def test_calls_public_hosts_at_the_ports_of_the_web_only(self, port: int) -> None:
        with pytest.raises(OutboundRefused, match=f"Port {port}"):
            HttpClient(allowed=Allowed()).check(f"https://vendor.example:{port}/")

    def test_says_what_would_allow_it_and_not_which_address_it_is(self, server: Receiver) -> None:
        with pytest.raises(OutboundRefused, match=r"not at a public address.*DAYBOOK_OUTBOUND_ALLOW"):
            HttpClient(allowed=Allowed()).get(server.url())
        assert not server.calls

    def test_judges_every_address_of_a_name(self, server: Receiver, names: Answers) -> None:
        names("mixed.example", ["93.184.216.34", "127.0.0.1"])
        with pytest.raises(OutboundRefused, match=r"mixed\.example is not at a public address"):
            HttpClient(allowed=Allowed()).get("http://mixed.example/")

    def test_calls_the_address_that_it_judged(
        self, server: Receiver, names: Answers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names("rebinding.example", ["93.184.216.34"], ["127.0.0.1"])
        called: list[Any] = []

        def connect(_: socket.socket, address: Any) -> None:
            called.append(address)
            raise ConnectionRefusedError("not from a test")

        monkeypatch.setattr(socket.socket, "connect", connect)
        with pytest.raises(OutboundFailed):
            HttpClient(allowed=Allowed()).get("http://rebinding.example/")
        assert called == [("93.184.216.34", 80)]

    def test_lets_an_allowed_name_and_an_allowed_network_be_called(self, server: Receiver, names: Answers) -> None:
        names("vendor.internal", ["127.0.0.1"])
        url = server.url(host="vendor.internal")
        assert HttpClient(allowed=Allowed(["vendor.internal"])).get(url).status == 200
        assert HttpClient(allowed=Allowed(["127.0.0.0/8"])).get(url).status == 200
        assert server.calls[0].headers["host"] == f"vendor.internal:{server.port}"
        with pytest.raises(OutboundRefused):
            HttpClient(allowed=Allowed(["10.0.0.0/8"])).get(url)


class TestRedirect:
    def test_follows_three_and_no_more(self, server: Receiver, client: HttpClient) -> None:
        for step in range(4):
            server.answers[f"/{step}"] = redirect(f"/{step + 1}")
        assert client.get(server.url("/1")).url == server.url("/4")
        with pytest.raises(BadAnswer, match="more than 3 times"):
            client.get(server.url("/0"))

    def test_is_judged_like_the_first_call(self, server: Receiver, names: Answers) -> None:
        names("vendor.internal", ["127.0.0.1"])
        server.answers["/"] = redirect(server.url("/inside"))
        with pytest.raises(OutboundRefused, match=r"127\.0\.0\.1"):
            HttpClient(allowed=Allowed(["vendor.internal"])).get(server.url(host="vendor.internal"))
        assert [call.path for call in server.calls] == ["/"]

    @pytest.mark.parametrize("location", ["https://127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/"])
    def test_keeps_its_scheme(self, server: Receiver, client: HttpClient, location: str) -> None:
        server.answers["/"] = redirect(location)
        with pytest.raises(OutboundRefused):
            client.get(server.url())

    def test_tells_another_host_no_secrets(self, server: Receiver, client: HttpClient) -> None:
        secrets = {"Authorization": "Bearer s", "Cookie": "s", "X-Api-Key": "s"}
        server.answers["/same"] = redirect("/end")
        client.get(server.url("/same"), headers=secrets)
        assert server.calls[-1].headers["authorization"] == "Bearer s"
        with receiver() as other:
            server.answers["/away"] = redirect(other.url("/end"))
            client.get(server.url("/away"), headers=secrets)
            assert not {"authorization", "cookie", "x-api-key"} & set(other.calls[0].headers)

    @pytest.mark.parametrize(("code", "method", "body"), [(303, "GET", b""), (302, "GET", b""), (307, "POST", b"{}")])
    def test_sends_the_body_on_only_when_told_to(
        self, server: Receiver, client: HttpClient, code: int, method: str, body: bytes
    ) -> None:
        server.answers["/"] = redirect("/end", code)
        client.post(server.url(), json={})
        assert (server.calls[-1].method, server.calls[-1].body) == (method, body)
        assert ("content-type" in server.calls[-1].headers) == bool(body)
