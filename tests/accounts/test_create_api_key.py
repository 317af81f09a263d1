"""The command that makes an API key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import keys
from accounts.audit.models import AuditEntry
from accounts.models import ApiKey
from accounts.scopes import Scope
from tests.cast import Cast
from tests.services import NO_REDIS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_tenant")]


class TestCreateApiKey:
    def test_prints_a_key_that_opens(self, cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("create_api_key", "ci", "--tenant", "acme", "--scopes", "scheduler:run, scheduler:read")
        text = capsys.readouterr().out.strip()
        key = keys.recognise(text, now=timezone.now())
        assert (key.name, key.tenant, key.expires_at) == ("ci", cast.acme, None)
        assert key.scopes == ["scheduler:read", "scheduler:run"]

    def test_prints_the_key_only_and_says_the_rest_elsewhere(
        self, cast: Cast, capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("create_api_key", "ci", "--tenant", "acme", "--expires-days", "7")
        printed = capsys.readouterr()
        key = ApiKey.objects.get()
        assert printed.out.count("\n") == 1
        assert printed.err.startswith(f"Key {key.prefix} of tenant acme with scheduler:read, good until ")
        assert key.expires_at is not None
        assert timedelta(days=6) < key.expires_at - timezone.now() <= timedelta(days=7)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--tenant", "nowhere"], "There is no active tenant nowhere. Active tenants are acme, default, globex."),
            (
                ["--scopes", "all"],
                f"all is no scope. Scopes are {', '.join(Scope.values)}.",
            ),
            (["--scopes", ","], f"A key needs a scope. Scopes are {', '.join(Scope.values)}."),
            (["--expires-days", "0"], "A key expires in 1 to 3650 days."),
        ],
    )
    def test_says_in_one_sentence_what_would_be_right(self, cast: Cast, arguments: list[str], message: str) -> None:
        with pytest.raises(CommandError, match=f"^{message}$"):
            call_command("create_api_key", "ci", *arguments)
        assert not ApiKey.objects.exists()

    def test_refuses_an_empty_name(self, cast: Cast) -> None:
        with pytest.raises(CommandError, match=r"1 to 200"):
            call_command("create_api_key", " ", "--tenant", "acme")

    def test_makes_internal_keys_even_while_redis_is_away(
        self, cast: Cast, capsys: pytest.CaptureFixture[str], settings: Any
    ) -> None:
        """Whoever has a shell on the server repairs things with it."""
        settings.CELERY_BROKER_URL = NO_REDIS
        call_command("create_api_key", "ours", "--tenant", "acme", "--internal")
        key = keys.recognise(capsys.readouterr().out.strip(), now=timezone.now())
        assert key.is_internal
        entry = AuditEntry.objects.get(action="key.created")
        assert (entry.actor, entry.target_id) == ("system:command", str(key.pk))
