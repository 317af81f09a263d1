"""Addresses that lead inside by some other way than they look. A listener on every address of this machine sees none of
them, whichever of our clients is asked."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs import webhooks
from jobs.webhooks import Letter
from notifications.channels import base as channels
from notifications.channels.calling import call as channel_call
from notifications.channels.examples import example
from notifications.channels.registry import type_of
from notifications.rules.kinds import ChannelKind, Kind
from scheduler_project.lib import http
from scheduler_project.lib.addresses import Allowed
from scheduler_project.lib.guarded_http import GuardedHttpClient
from scheduler_project.lib.http import HttpClient, OutboundRefused
from tests.receivers import Receiver, receiver, redirect

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_circuits")]

INSIDE = """
127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7f.0.0.1 0x7F.0x0.0x0.0x1 0177.0.0.1 017700000001
0177.0.0.01 127.0x0.1 0x7f.1 00000177.1 127.0.0.1. 2130706433. 0 0. 0.0.0.0 0x0 00 localhost LOCALHOST localhost.
ip6-localhost 10.0.0.1 10.255.255.255 0x0a000001 167772161 012.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 192.168.1
0xc0a80001 3232235521 100.64.0.1 100.127.255.254 169.254.169.254 169.254.170.2 0xa9fea9fe 2852039166
0251.0376.0251.0376 169.254.43518 100.100.100.200 192.0.0.192 198.18.0.1 203.0.113.5 224.0.0.1 239.255.255.250
240.0.0.1 255.255.255.255 192.88.99.1 [::1] [::] [0:0:0:0:0:0:0:1] [0000::0001] [::127.0.0.1] [::ffff:127.0.0.1]
[::ffff:7f00:1] [::ffff:0:127.0.0.1] [0:0:0:0:0:ffff:127.0.0.1] [::ffff:a9fe:a9fe] [::ffff:169.254.169.254]
[::ffff:10.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::7f00:1] [2002:7f00:1::]
[2002:a9fe:a9fe::1] [2002:a00:1::] [2001:0:7f00:1::] [2001:0:4136:e378:8000:63bf:80ff:fffe] [2001:db8::1] [fc00::1]
[fd00:ec2::254] [fe80::1] [fec0::1] [ff02::1] [ff0e::1] [100::1] [3fff::1] [5f00::1] \uff11\uff12\uff17.0.0.1
\u2460\u2461\u2466.0.0.1 127\u30020\u30020\u30021 \u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3 loc\xadalhost
inside.test mixed.test mixed6.test alias.test metadata.test INSIDE.TEST inside.test.
"""
HOSTS = INSIDE.split()

NAMES = {
    "inside.test": ["127.0.0.1"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "mixed6.test": ["2606:4700:4700::1111", "::1"],
    "alias.test": ["10.0.0.7"],  # as an alias of a name inside resolves
    "metadata.test": ["169.254.169.254"],
}

DISGUISES = """\
http://8.8.8.8@127.0.0.1:{port}/
http://user:pass@127.0.0.1:{port}/
http://8.8.8.8%40127.0.0.1:{port}/
http://8.8.8.8:80@127.0.0.1:{port}/
http://127.0.0.1:{port}#@8.8.8.8/
http://127.0.0.1:{port}?@8.8.8.8/
http://127.0.0.1:{port}\\@8.8.8.8/
http://8.8.8.8\\@127.0.0.1:{port}/
http://127.0.0.1:{port}/../../
http://%31%32%37.0.0.1:{port}/
http://127.0.0.1%00.example.com:{port}/
http://127.0.0.1%0d%0a.example.com:{port}/
http://127.0.0.1%23.example.com:{port}/
http://[::1%25lo]:{port}/
http://[::1%lo]:{port}/
http://[fe80::1%25eth0]:{port}/
http://[v1.127.0.0.1]:{port}/
http:/127.0.0.1:{port}/
http:127.0.0.1:{port}/
http:///127.0.0.1:{port}/
//127.0.0.1:{port}/
HTTP://127.0.0.1:{port}/
https://127.0.0.1:{port}/
ftp://127.0.0.1:{port}/
gopher://127.0.0.1:{port}/_GET%20/
dict://127.0.0.1:{port}/x
ldap://127.0.0.1:{port}/
file:///etc/passwd
file://127.0.0.1:{port}/etc/passwd
unix:///var/run/docker.sock
jar:http://127.0.0.1:{port}!/
data:text/plain,x
javascript:fetch('http://127.0.0.1:{port}')
http://127.0.0.1:0/
http://127.0.0.1:99999/
http://127.0.0.1:-1/
http://127.0.0.1:{port}x/
http://{long}.127.0.0.1:{port}/
http://127.0.0.1 :{port}/
http://\t127.0.0.1:{port}/
http://127.0.0.1
:{port}/
http://:{port}/
http://[]:{port}/
http://[::1:{port}/
"""
DISGUISED = DISGUISES.splitlines()


class Listener:
    """Counts who comes to one port, at all addresses of this machine."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._sockets: list[socket.socket] = []
        self.port = 0
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            listening = socket.socket(family, socket.SOCK_STREAM)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind((address, self.port))
            listening.listen(50)
            self.port = listening.getsockname()[1]
            self._sockets.append(listening)
            threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connected, peer = listening.accept()
            except OSError:
                return
            self.seen.append(peer)
            connected.close()

    def close(self) -> None:
        for listening in self._sockets:
            listening.close()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Its port counts as one of the web's, so that nothing but its address keeps anybody from it."""
    listener = Listener()
    monkeypatch.setattr(http, "PUBLIC_PORTS", (*http.PUBLIC_PORTS, listener.port))
    yield listener
    listener.close()


@pytest.fixture(autouse=True)
def tried(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Any]:
    """Addresses that a connection was tried to, listener or not. Names resolve as in `NAMES`."""
    settings.DAYBOOK_OUTBOUND_ALLOW = []
    tried: list[Any] = []
    real_connect, real_resolve = socket.socket.connect, socket.getaddrinfo

    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            tried.append(address)
            if not str(address[0]).startswith("127.") and address[0] != "::1":
                _refuse()  # nothing leaves this machine, whatever a test may find
        return real_connect(self, address)

    def resolve(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        name = str(host).rstrip(".").lower()
        return [
            found for address in NAMES.get(name, [host]) for found in real_resolve(address, port, *arguments, **options)
        ]

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return tried


def by_template(url: str) -> bool:
    """Whether it was called; templates have this client as `context.http`."""
    return _is_called(GuardedHttpClient(time_limit=timedelta(seconds=3)), url)


def plainly(url: str) -> bool:
    return _is_called(HttpClient(time_limit=timedelta(seconds=3)), url)


def by_webhook(url: str) -> bool:
    letter = Letter.of(uuid.uuid4(), url, {"event": "failed"}, ["secret"])
    return webhooks.call(letter).answer.status is not None


def by_channel(url: str) -> bool:
    """Of the kinds whose address a tenant chooses."""
    letter = channels.Letter(example(Kind.FAILED, tenant="acme"), {"url": url}, {"url": url}, signs_with=["secret"])
    answers = [channel_call(type_of(kind), letter).answer for kind in (ChannelKind.SLACK, ChannelKind.WEBHOOK)]
    return any(answer.status is not None for answer in answers)


def _is_called(client: HttpClient, url: str) -> bool:
    try:
        client.get(url)
    except http.OutboundError:
        return False
    return True


CLIENTS: list[Callable[[str], bool]] = [plainly, by_template, by_webhook, by_channel]


def test_nothing_inside_is_reached_by_any_spelling(listener: Listener, tried: list[Any]) -> None:
    urls = [f"http://{host}:{listener.port}/" for host in HOSTS]
    urls += [line.format(port=listener.port, long="a" * 300) for line in DISGUISED]
    assert len(set(urls)) > 130
    called = [f"{client.__name__} {url}" for client in CLIENTS for url in urls if client(url)]
    print(f"\n{len(urls)} addresses by {len(CLIENTS)} clients, {len(tried)} connections tried")
    assert called == []
    assert [address for address in tried if address[1] == listener.port] == []
    assert listener.seen == []


def test_a_name_that_changes_between_two_questions_gains_nothing(
    listener: Listener, tried: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address that was judged is the one that is called."""
    turns = itertools.cycle(["192.0.2.1", "127.0.0.1"])
    known = socket.getaddrinfo
    monkeypatch.setattr(http, "is_public", lambda address: str(address) == "192.0.2.1")
    answers: list[str] = []

    def resolve(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host == "rebinding.test":
            answers.append(next(turns))
            host = answers[-1]
        return known(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: tried.append(address) or _refuse())
    for client in (plainly, by_template, by_webhook, by_channel):
        tried.clear()
        assert not client(f"http://rebinding.test:{listener.port}/")
        assert {address[0] for address in tried} <= {"192.0.2.1"}
    assert "127.0.0.1" in answers
    assert listener.seen == []


def _refuse() -> None:
    raise ConnectionRefusedError


def test_no_redirect_leads_inside(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a host that may be called to each of the others, by every status that redirects."""
    with receiver() as public:
        allowed = Allowed(["public.test"])
        monkeypatch.setitem(NAMES, "public.test", ["127.0.0.1"])
        targets = [f"http://{host}:{listener.port}/" for host in HOSTS if host.isascii()]
        targets += [line.format(port=listener.port, long="a" * 300) for line in DISGUISED
                    if "://" in line and line.isprintable() and not line.startswith("http:/1")]  # fmt: skip
        codes = itertools.cycle((301, 302, 303, 307, 308))
        client = HttpClient(allowed=allowed, time_limit=timedelta(seconds=3))
        for number, target in enumerate(targets):
            public.answers[f"/{number}"] = redirect(target, next(codes))
            with contextlib.suppress(http.OutboundError):
                client.get(f"http://public.test:{public.port}/{number}")
        print(f"\n{len(targets)} redirects")
    assert len(public.calls) >= len(targets)
    assert listener.seen == []


def test_what_the_operator_allows_is_reached(settings: Any, tried: list[Any]) -> None:
    with receiver() as inside:
        url = f"http://inside.test:{inside.port}/"
        for allowed in (["inside.test"], ["127.0.0.0/8"], ["INSIDE.TEST."]):
            settings.DAYBOOK_OUTBOUND_ALLOW = allowed
            assert [client(url) for client in CLIENTS] == [True] * 4
        settings.DAYBOOK_OUTBOUND_ALLOW = ["other.test", "10.0.0.0/8"]
        assert [client(url) for client in CLIENTS] == [False] * 4
        assert _count(inside) == 15  # twice by a channel, once by each other


def _count(seen: Receiver) -> int:
    return len(seen.calls)


@pytest.mark.parametrize("host", ["127.0.0.1", "inside.test", "[::1]"])
def test_the_refusal_does_not_say_what_is_there(host: str, listener: Listener) -> None:
    with pytest.raises(OutboundRefused) as refused:
        HttpClient().get(f"http://{host}:{listener.port}/")
    assert "is not at a public address" in str(refused.value)
    assert "127.0.0.1" not in str(refused.value).replace(host, "")
