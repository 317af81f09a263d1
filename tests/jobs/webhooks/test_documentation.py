"""The code of docs/webhooks.md, run against the signatures that are really made."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from scheduler_project.lib import signatures

PAGE = (Path(settings.BASE_DIR) / "docs" / "webhooks.md").read_text()
SECRET, BODY = "dbk_secret", '{"event": "test", "text": "grün"}'


def block(kind: str, containing: str) -> str:
    return next(text for text in re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.M | re.S) if containing in text)


def header(secret: str = SECRET, body: str = BODY, at: float | None = None) -> str:
    return signatures.sign(["dbk_other", secret], at=int(at or time.time()), body=body.encode())


# Made when the test runs: a signature is good for five minutes.
CASES: list[tuple[Callable[[], str], bool]] = [
    (header, True),
    (lambda: header(secret="dbk_wrong"), False),
    (lambda: header(body="{}"), False),
    (lambda: "t=,v1=", False),
    (lambda: "nonsense", False),
]


@pytest.mark.parametrize(("sent", "is_good"), CASES)
def test_checks_a_signature_in_python(sent: Callable[[], str], is_good: bool) -> None:
    known: dict[str, Any] = {}
    exec(block("python", "def is_good"), known)
    assert known["is_good"](sent(), BODY.encode(), SECRET) is is_good


def test_refuses_old_signatures_in_python() -> None:
    known: dict[str, Any] = {}
    exec(block("python", "def is_good"), known)
    assert not known["is_good"](header(at=time.time() - 301), BODY.encode(), SECRET)


@pytest.mark.parametrize(("sent", "is_good"), CASES)
def test_checks_a_signature_in_a_shell(sent: Callable[[], str], is_good: bool) -> None:
    surroundings = {"HEADER": sent(), "BODY": BODY, "SECRET": SECRET, "PATH": "/usr/bin:/bin"}
    script = block("sh", "case")
    done = subprocess.run(["sh", "-c", script], env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ("good" if is_good else "bad")


def test_makes_a_signature_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    class Answer:
        def read(self) -> bytes:
            return b"{}"

    def open_url(request: Any, timeout: float) -> Answer:
        sent.append(request)
        return Answer()

    monkeypatch.setattr("urllib.request.urlopen", open_url)
    known: dict[str, Any] = {}
    exec(block("python", "def call"), known)
    assert known["call"]("https://daybook.example/api/v1/hooks/x", SECRET, BODY.encode()) == b"{}"
    text = sent[0].headers["X-daybook-signature"]
    assert signatures.verify(text, [SECRET], body=BODY.encode(), now=time.time())
