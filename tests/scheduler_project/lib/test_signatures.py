"""Who may sign, and what a signature holds."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from pytest_django import Settings

from scheduler_project.lib import signatures
from scheduler_project.lib.signatures import BadSignature

NOW = 1_800_000_000
BODY = b'{"ref": "main"}'
SECRETS = ["dbk_one", "dbk_two"]


def header(at: int = NOW, secret: str = "dbk_one", body: bytes = BODY) -> str:
    return signatures.sign([secret], at=at, body=body)


class TestVerify:
    def test_takes_what_was_signed(self) -> None:
        assert signatures.verify(header(), SECRETS, body=BODY, now=NOW)

    def test_is_the_documented_computation(self) -> None:
        expected = hmac.new(b"dbk_one", b"1800000000." + BODY, hashlib.sha256).hexdigest()
        assert header() == f"t=1800000000,v1={expected}"

    @pytest.mark.parametrize("off", [-300, -1, 0, 299.5, 300])
    def test_tolerates_five_minutes(self, off: float) -> None:
        assert signatures.verify(header(), SECRETS, body=BODY, now=NOW + off)

    @pytest.mark.parametrize("off", [-301, 300.5, 86_400])
    def test_refuses_what_is_further_off(self, off: float) -> None:
        with pytest.raises(BadSignature, match="timestamp"):
            signatures.verify(header(), SECRETS, body=BODY, now=NOW + off)

    def test_takes_any_of_several_signatures_and_secrets(self) -> None:
        text = signatures.sign(["dbk_old", "dbk_two"], at=NOW, body=BODY)
        assert signatures.verify(text, SECRETS, body=BODY, now=NOW)

    def test_refuses_another_secret_body_or_time(self) -> None:
        for text, body in (
            (header(secret="dbk_three"), BODY),
            (header(), BODY + b" "),
            (header().replace(f"t={NOW}", f"t={NOW + 1}"), BODY),
        ):
            with pytest.raises(BadSignature, match="does not fit"):
                signatures.verify(text, SECRETS, body=body, now=NOW)

    @pytest.mark.parametrize(
        "text",
        [
            "", "t", "v1=", "t=1", "t=1,t=2,v1=a", "t=-1,v1=a", "t=1.5,v1=a", "t=٣,v1=a", "t=9999999999999,v1=a",
            f"t={NOW},v2=a", f"t={NOW}," + ",".join(["v1=a"] * 6), "t=\x00,v1=\udcff",
        ],
    )  # fmt: skip
    def test_refuses_what_has_another_form(self, text: str) -> None:
        with pytest.raises(BadSignature, match="form"):
            signatures.verify(text, SECRETS, body=BODY, now=NOW)

    @pytest.mark.parametrize("signature", ["", "é", "\udcff", "0" * 64, "x" * 10_000])
    def test_refuses_signatures_that_are_none(self, signature: str) -> None:
        with pytest.raises(BadSignature):
            signatures.verify(f"t={NOW},v1={signature}", SECRETS, body=BODY, now=NOW)


class TestGitHub:
    def test_takes_the_example_of_its_documentation(self) -> None:
        """Secret, body and signature as GitHub publishes them for those who implement the check."""
        text = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        secret = "It's a Secret to Everybody"
        assert signatures.verify_github(text, [secret], body=b"Hello, World!")

    @pytest.mark.parametrize("text", ["", "sha256=", "sha1=757107", "757107", "sha256=" + "0" * 64])
    def test_refuses_anything_else(self, text: str) -> None:
        with pytest.raises(BadSignature):
            signatures.verify_github(text, SECRETS, body=BODY)


class TestDerive:
    def test_depends_on_everything(self) -> None:
        made = {
            signatures.derive(purpose, public_id, nonce)[0]
            for purpose in ("event-hook", "webhook")
            for public_id in ("a", "b")
            for nonce in ("c", "d")
        }
        assert len(made) == 8
        assert all(text.startswith("dbk_") and len(text) == 47 for text in made)

    def test_keeps_what_former_secret_keys_gave(self, settings: Settings) -> None:
        before = signatures.derive("webhook", "a", "b")
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another"
        after = signatures.derive("webhook", "a", "b")
        assert after[1:] == before
        assert after[0] != before[0]
