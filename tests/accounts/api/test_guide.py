"""The examples of docs/auth.md, run with curl against a live server in the order of the page."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from django.contrib.auth.models import User

from accounts import tokens
from accounts.models import Membership
from accounts.scopes import Role
from tests.cast import Cast, MakeKey
from tests.jobs.api.test_examples import GUIDE, assert_contains, examples

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")


@pytest.mark.django_db(transaction=True)
def test_every_example_does_what_the_page_says(live_server: Any, cast: Cast, make_key: MakeKey) -> None:
    ada = User.objects.create_user("ada", password="correct horse battery")
    Membership.objects.create(tenant=cast.acme, user=ada, role=Role.ADMIN)
    User.objects.create_user("noor")
    surroundings = {"PATH": "/usr/bin:/bin", "DAYBOOK": live_server.url, "KEY": make_key()[1]}
    surroundings |= {"TENANT": str(cast.acme.pk), "ROOT": tokens.start(cast.root).access}
    refused = 0
    for command, shown in examples(GUIDE):
        done = subprocess.run(
            ["/bin/sh", "-euc", command], env=surroundings, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        answer = json.loads(done.stdout) if done.stdout else {}
        is_error = isinstance(answer.get("error"), dict)
        refused += is_error
        assert is_error == (shown is not None and "error" in shown), (command, answer)
        if shown is not None:
            assert_contains(answer, shown)
        if "refresh" in answer:
            surroundings |= {"ACCESS": answer["access"], "REFRESH": answer["refresh"]}
        elif "prefix" in answer and "ID" not in surroundings:
            surroundings["ID"] = str(answer["id"])
        elif "role" in answer:
            surroundings["MEMBER"] = str(answer["id"])
    assert refused == 1
