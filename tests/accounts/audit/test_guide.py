"""The examples of docs/audit.md, run with curl against a live server."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from accounts.models import AuditEntry
from jobs import registry
from tests.cast import Cast, MakeKey
from tests.jobs.api.conftest import JOB
from tests.jobs.api.test_examples import AUDIT, assert_contains, examples

pytestmark = [
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl"),
    pytest.mark.django_db(transaction=True),
]


def test_every_example_does_what_the_page_says(live_server: Any, cast: Cast, make_key: MakeKey) -> None:
    registry.create({**JOB, "name": "Nightly"}, tenant=cast.acme, actor="user:ana")
    surroundings = {
        "PATH": "/usr/bin:/bin",
        "DAYBOOK": live_server.url,
        "KEY": make_key()[1],
        "ID": str(AuditEntry.objects.filter(tenant=cast.acme).latest("id").pk),
    }
    for command, shown in examples(AUDIT):
        done = subprocess.run(
            ["/bin/sh", "-euc", command], env=surroundings, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        for line in done.stdout.splitlines():
            answer = json.loads(line)
            assert "error" not in answer, (command, answer)
            if shown is not None and "results" in shown:
                (entry,) = shown["results"]
                assert entry.pop("changes").keys() <= answer["results"][0]["changes"].keys()
                assert {"address", "via", "method", "path"} <= set(entry)
                del entry["address"], entry["via"]  # this one was not made by a request
            if shown is not None:
                assert_contains(answer, shown)
