"""What is left of addresses for who may only look."""

from __future__ import annotations

import time

import pytest

from scheduler_project.lib import short_addresses


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://chat.example/hooks/T0K3N?key=s3cr3t", "https://chat.example/…"),
        ("https://chat.example:8443?key=s3cr3t", "https://chat.example:8443/…"),
        ("https://ana:s3cr3t@chat.example/", "https://chat.example"),
        ("https://chat.example/", "https://chat.example"),
    ],
)
def test_a_url_keeps_its_host(url: str, shown: str) -> None:
    assert short_addresses.of_url(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ana.example@corp.example", "a…e@corp.example"),
        ("550 <ops@corp.example> unknown; Éa@corp.example", "550 <o…@corp.example> unknown; É…@corp.example"),
        ("nobody here", "nobody here"),
        ("@ once, a @ b, a@", "@ once, a @ b, a@"),
    ],
)
def test_addresses_of_mail_keep_where_they_lead(text: str, shown: str) -> None:
    assert short_addresses.of_mail(text) == shown


def test_no_text_takes_long() -> None:
    started = time.monotonic()
    short_addresses.of_mail("x" * 65_536 + " @")
    assert time.monotonic() - started < 5
