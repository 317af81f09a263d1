"""Key providers: the environment, a file, and a key server over TLS."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.sealing import CannotOpen, KeysUnavailable, providers
from accounts.sealing.providers import Wrapped
from scheduler_project.lib import circuits, key_ring
from tests.accounts.sealing.key_server import key_server

KEY, CONTEXT = b"a data key of thirty-two bytes..", b"of tenant 1"
ONE, TWO = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


class TestKeyRing:
    def test_reads_keys_in_order(self) -> None:
        assert list(key_ring.parse(f"new:{TWO}, old:{ONE}\n")) == ["new", "old"]

    def test_refuses_without_telling_the_key(self) -> None:
        for text in (f"a:{ONE[:20]}", "a:!!!!", ONE, f"a:{ONE},a:{TWO}", f"a b:{ONE}", ""):
            with pytest.raises(ValueError, match="id") as refusal:
                key_ring.parse(text)
            assert ONE[:20] not in str(refusal.value)


class TestFile:
    def test_is_read_anew_and_opens_what_older_keys_wrapped(self, tmp_path: Path, settings: Settings) -> None:
        file = tmp_path / "keys"
        settings.DAYBOOK_KEY_PROVIDER, settings.DAYBOOK_ENCRYPTION_KEYS_FILE = "file", str(file)
        with pytest.raises(KeysUnavailable, match="cannot be read: No such file"):
            providers.active()
        file.write_text(f"one:{ONE}\n")
        wrapped = providers.active().wrap(KEY, context=CONTEXT)
        assert wrapped.key_id == "one"
        file.write_text(f"two:{TWO},one:{ONE}")
        assert providers.active().active_id() == "two"
        assert providers.active().unwrap(wrapped, context=CONTEXT) == KEY
        for changed, context in ((wrapped, b"of tenant 2"), (Wrapped("AAAA", "one"), CONTEXT)):
            with pytest.raises(CannotOpen):
                providers.active().unwrap(changed, context=context)
        file.write_text(f"two:{TWO}")
        with pytest.raises(KeysUnavailable, match="needs the key one"):
            providers.active().unwrap(wrapped, context=CONTEXT)


class TestTransit:
    def test_wraps_and_unwraps_and_says_what_is_wrong(self, tmp_path: Path, settings: Settings) -> None:
        with key_server(tmp_path) as server:
            for name, value in server.settings().items():
                setattr(settings, name, value)
            keys = providers.active()
            wrapped = keys.wrap(KEY, context=CONTEXT)
            assert (wrapped.key_id, keys.active_id()) == ("transit/daybook:v1", "transit/daybook:v1")
            server.versions.append(bytes(32))
            assert keys.active_id() == "transit/daybook:v2"
            assert keys.unwrap(wrapped, context=CONTEXT) == KEY
            with pytest.raises(CannotOpen, match="status 400"):
                keys.unwrap(wrapped, context=b"of tenant 2")
            server.token_file.write_text("wrong")
            with pytest.raises(KeysUnavailable, match="refuses the token"):
                keys.unwrap(wrapped, context=CONTEXT)
            server.token_file.write_text("token-of-the-key-server")
            server.is_away = True
            for _ in range(settings.DAYBOOK_CIRCUIT_FAILURES):
                with pytest.raises(KeysUnavailable, match="does not answer"):
                    keys.unwrap(wrapped, context=CONTEXT)
            calls = len(server.server.calls)
            with pytest.raises(KeysUnavailable, match="circuit") as open_circuit:
                keys.unwrap(wrapped, context=CONTEXT)
            assert len(server.server.calls) == calls
            assert 1 <= open_circuit.value.wait <= settings.DAYBOOK_CIRCUIT_RESET.total_seconds()
            circuits.reset(f"keys:127.0.0.1:{server.server.port}", by="test")

    def test_trusts_only_the_authority_that_is_named(self, tmp_path: Path, settings: Settings) -> None:
        with key_server(tmp_path) as server:
            for name, value in {**server.settings(), "DAYBOOK_TRANSIT_CA_FILE": None}.items():
                setattr(settings, name, value)
            with pytest.raises(KeysUnavailable, match=r"(?i)certificate"):
                providers.active().wrap(KEY, context=CONTEXT)
            assert not server.server.calls
