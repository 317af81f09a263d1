"""How tokens are signed and read: one algorithm, one audience, a key of their own that follows from Django's."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import (
    ExpiredTokenError,
    TokenBackendError,
    TokenBackendExpiredToken,
    TokenError,
)
from rest_framework_simplejwt.tokens import Token

ALGORITHM = "HS256"
ISSUER = "daybook"
AUDIENCE = "daybook-api"
PURPOSE = b"daybook: tokens of people, 1"
LONGEST = 4_096  # characters


class UnknownToken(Exception):
    """The token opens nothing: not ours, expired, or its sign-in has ended. The message is for whoever sent it."""


class Backend(TokenBackend):
    """Signs with the first key; reads what any of them has signed."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._readers = [_reader(_derived(secret)) for secret in secrets]
        super().__init__(ALGORITHM, _derived(secrets[0]), audience=AUDIENCE, issuer=ISSUER, leeway=0)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        for reader in self._readers[:-1]:
            try:
                return reader.decode(token, verify)
            except TokenBackendExpiredToken:
                raise
            except TokenBackendError:
                continue
        return self._readers[-1].decode(token, verify)


class OwnToken(Token):
    other_type = ""

    @property
    def token_backend(self) -> TokenBackend:
        return _backend((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises `UnknownToken`."""
        if len(text) > LONGEST:
            raise UnknownToken("This token is not known.")
        try:
            return cls(text)  # type: ignore[arg-type]
        except ExpiredTokenError:
            raise UnknownToken("This token has expired; refresh it or sign in again.") from None
        except (TokenError, ValueError, TypeError, OverflowError):
            raise UnknownToken("This token is not known.") from None

    def verify_token_type(self) -> None:
        """Whoever holds the other one of a pair is told so: they have only taken the wrong field of the answer."""
        if self.payload.get("token_type") == self.other_type:
            raise UnknownToken(f"This is the {self.other_type} token of its pair; send the {self.token_type} token.")
        super().verify_token_type()


class AccessToken(OwnToken):
    token_type = "access"  # noqa: S105
    other_type = "refresh"

    @property
    def lifetime(self) -> timedelta:  # type: ignore[override]
        life: timedelta = settings.DAYBOOK_TOKEN_LIFE
        return life


class RefreshToken(OwnToken):
    token_type = "refresh"  # noqa: S105
    other_type = "access"

    @property
    def lifetime(self) -> timedelta:  # type: ignore[override]
        life: timedelta = settings.DAYBOOK_REFRESH_LIFE
        return life


@lru_cache(maxsize=4)
def _backend(secrets: tuple[str, ...]) -> Backend:
    return Backend(secrets)


def _reader(key: str) -> TokenBackend:
    return TokenBackend(ALGORITHM, key, audience=AUDIENCE, issuer=ISSUER, leeway=0)


def _derived(secret: str) -> str:
    """So that whoever learns this key has not learnt the one of sessions, nor the other way round."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode()).hex()
