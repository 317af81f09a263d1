"""Secrets at rest: they open where they were sealed and nowhere else, and no plain text is left."""

from __future__ import annotations

import base64
import uuid
from datetime import timedelta

import pytest
from pytest_django import Settings

from accounts import sealing
from accounts.models import DataKey, Tenant
from accounts.sealing import CannotOpen, KeysUnavailable, Reference, Sealer, data_keys
from accounts.sealing.data_keys import MOST_KEPT

PLACE = "echo parameters.token"


def seal(tenant: Tenant, value: str | Reference = "hunter2", place: str = PLACE) -> str:
    return Sealer(tenant.pk).seal(value, place=place)


def opened(sealed: str, tenant: Tenant, place: str = PLACE) -> str | Reference:
    return sealing.open_sealed(sealed, tenant_id=tenant.pk, place=place)


class TestSealing:
    def test_gives_back_every_text_and_reference(self, acme: Tenant) -> None:
        for value in ("hunter2", "", "ä\u2028\ud800 \x00", "env:NAME", seal(acme), Reference("env:NAME")):
            assert opened(seal(acme, value), acme) == value

    def test_shows_nothing_and_never_the_same_twice(self, acme: Tenant) -> None:
        first, second = seal(acme), seal(acme)
        assert first != second
        body = base64.urlsafe_b64decode(first.rpartition(":")[2] + "==")
        assert b"hunter2" not in body
        assert sealing.is_sealed(first)
        assert sealing.key_id_of(first) == DataKey.objects.get(tenant=acme).pk

    def test_opens_in_no_other_place_tenant_or_form(self, acme: Tenant, globex: Tenant) -> None:
        sealed = seal(acme)
        seal(globex)
        theirs = f"daybook:1:{DataKey.objects.get(tenant=globex).pk.hex}:{sealed.rpartition(':')[2]}"
        other = "A" if sealed[-10] != "A" else "B"
        for text, tenant, place in (
            (sealed, acme, "echo parameters.other"),
            (sealed, acme, "other parameters.token"),
            (sealed, globex, PLACE),
            (theirs, globex, PLACE),
            (f"{sealed[:-10]}{other}{sealed[-9:]}", acme, PLACE),
            (sealed[:60], acme, PLACE),
            (f"daybook:1:{uuid.uuid4().hex}:{sealed.rpartition(':')[2]}", acme, PLACE),
            ("hunter2", acme, PLACE),
        ):
            with pytest.raises(CannotOpen):
                opened(text, tenant, place)

    def test_refuses_a_data_key_that_was_given_to_another_tenant(self, acme: Tenant, globex: Tenant) -> None:
        sealed = seal(acme)
        DataKey.objects.update(tenant=globex)
        data_keys.kept.clear()
        with pytest.raises(CannotOpen, match="was changed"):
            opened(sealed, globex)


class TestDataKeys:
    def test_are_unwrapped_once_for_a_while(self, acme: Tenant, settings: Settings) -> None:
        sealed = seal(acme)
        keys = settings.DAYBOOK_ENCRYPTION_KEYS
        settings.DAYBOOK_ENCRYPTION_KEYS = {"other": bytes(32)}
        assert opened(sealed, acme) == "hunter2"
        assert opened(seal(acme), acme) == "hunter2"
        data_keys.kept.clear()
        with pytest.raises(KeysUnavailable, match="needs the key test, which DAYBOOK_ENCRYPTION_KEYS lacks"):
            opened(sealed, acme)
        settings.DAYBOOK_ENCRYPTION_KEYS = {"other": bytes(32), **keys}
        settings.DAYBOOK_DATA_KEY_CACHE = timedelta()
        assert opened(sealed, acme) == "hunter2"
        settings.DAYBOOK_ENCRYPTION_KEYS = {"other": bytes(32)}
        with pytest.raises(KeysUnavailable):
            opened(sealed, acme)

    def test_are_kept_in_bounded_number(self) -> None:
        kept = data_keys._Kept()
        for number in range(MOST_KEPT + 5):
            kept.put(number, uuid.UUID(int=number), b"")
        assert [kept.find(number, uuid.UUID(int=number)) for number in (4, 5)] == [None, b""]

    def test_are_refused_without_a_provider(self, acme: Tenant, settings: Settings) -> None:
        settings.DAYBOOK_KEY_PROVIDER = ""
        with pytest.raises(KeysUnavailable, match="sets DAYBOOK_KEY_PROVIDER"):
            seal(acme)
        assert not DataKey.objects.exists()
