"""The code of docs/webhooks.md, run against the signatures that are really made."""

from __future__ import annotations

import re
import subprocess
import time
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


CASES = [
    (header(), True),
    (header(secret="dbk_wrong"), False),
    (header(body="{}"), False),
    ("t=,v1=", False),
    ("nonsense", False),
]


@pytest.mark.parametrize(("text", "is_good"), CASES)
def test_checks_a_signature_in_python(text: str, is_good: bool) -> None:
    known: dict[str, Any] = {}
    exec(block("python", "def is_good"), known)
    assert known["is_good"](text, BODY.encode(), SECRET) is is_good


def test_refuses_old_signatures_in_python() -> None:
    known: dict[str, Any] = {}
    exec(block("python", "def is_good"), known)
    assert not known["is_good"](header(at=time.time() - 301), BODY.encode(), SECRET)


@pytest.mark.parametrize(("text", "is_good"), CASES)
def test_checks_a_signature_in_a_shell(text: str, is_good: bool) -> None:
    surroundings = {"HEADER": text, "BODY": BODY, "SECRET": SECRET, "PATH": "/usr/bin:/bin"}
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
