"""`/api/v1/token`: tokens of people, for a user name and a password; the next pair for a refresh token; their end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import authenticate
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import access, sign_in, tokens
from accounts.api.base import answer_for
from accounts.models import SignIn, Tenant
from accounts.scopes import Scope
from accounts.sign_in import record
from accounts.tokens import Pair, UnknownToken
from scheduler_project.api.authentication import CHALLENGE
from scheduler_project.api.errors import ApiError
from scheduler_project.api.refusals import OtherTenant
from scheduler_project.api.serializers import StrictSerializer, TextField
from scheduler_project.api.views import ApiViewSet


class BadCredentials(ApiError):
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "authentication_failed"
    auth_header = CHALLENGE


class SignInsLimited(ApiError):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "sign_ins_limited"

    def __init__(self, refusal: sign_in.TooManySignIns) -> None:
        super().__init__(str(refusal))
        self.wait = refusal.wait


class PasswordField(TextField):
    """As it was typed, spaces and all."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, write_only=True, style={"input_type": "password"}, **options)


class SignInSerializer(StrictSerializer):
    username = TextField(max_length=150)
    password = PasswordField(max_length=1_000)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices),
        required=False,
        min_length=1,
        max_length=len(Scope.values),
        help_text="What the token is for; all that the roles give, when left out.",
    )
    tenant = TextField(required=False, max_length=63, help_text="Slug of the one tenant that it opens; else all.")


class RefreshSerializer(StrictSerializer):
    refresh = TextField(max_length=4_096, help_text="Good for one exchange.")


class RevocationSerializer(StrictSerializer):
    token = TextField(max_length=4_096, help_text="An access or a refresh token of the sign-in that is to end.")


class PairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="For `Authorization: Bearer …`.")
    refresh = serializers.CharField(help_text="For `/api/v1/token/refresh`, once.")
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good.")
    refresh_expires_in = serializers.IntegerField(help_text="Seconds that the refresh token is good.")
    scopes = serializers.ListField(child=serializers.CharField())
    tenant = serializers.CharField(allow_null=True)


class TokenViewSet(ApiViewSet):
    is_public = True
    queryset = SignIn.objects.none()
    permission_classes = [AllowAny]
    authentication_classes = []
    serializer_class = PairSerializer
    limit_class = "anonymous"
    operation_ids = {"create": "create_token", "refresh": "refresh_token", "revoke": "revoke_token"}
    errors = {
        "create": {
            401: "The user name or the password is not right.",
            403: "The user does not hold what is asked for.",
            429: "Too many sign-ins of this name, or from this address, have failed.",
        },
        "refresh": {401: "The refresh token is not good, or was used before, which ends the sign-in."},
        "revoke": {401: "The token is not known or has expired."},
    }

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, UnknownToken):
            exc = BadCredentials(str(exc))
        return super().handle_exception(answer_for(exc))

    @extend_schema(request=SignInSerializer, responses={200: PairSerializer})
    def create(self, request: Request) -> Response:
        """Sign in with a user name and a password, and get a pair of tokens."""
        wish = self.read_body(SignInSerializer)
        user = self._user(request, wish["username"], wish["password"])
        if user is None:
            raise BadCredentials("The user name or the password is not right.")
        return _shown(tokens.start(user, scopes=wish.get("scopes"), tenant=_tenant(user, wish.get("tenant"))))

    @extend_schema(request=RefreshSerializer, responses={200: PairSerializer})
    def refresh(self, request: Request) -> Response:
        """Exchange a refresh token for the next pair. One that is sent a second time ends the sign-in."""
        return _shown(tokens.refresh(self.read_body(RefreshSerializer)["refresh"]))

    @extend_schema(request=RevocationSerializer, responses={204: None})
    def revoke(self, request: Request) -> Response:
        """End a sign-in: none of its tokens is good any more, within 5 seconds in every process."""
        tokens.end(self.read_body(RevocationSerializer)["token"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _user(self, request: Request, name: str, password: str) -> Any:
        try:
            return authenticate(request._request, username=name, password=password)
        except sign_in.TooManySignIns as refusal:
            if refusal.is_first:
                record.refused(name)
            raise SignInsLimited(refusal) from None


def _tenant(user: Any, slug: str | None) -> Tenant | None:
    """Nobody is told which tenants there are that are not theirs."""
    if slug is None:
        return None
    tenants = Tenant.objects.filter(is_active=True)
    mine = tenants if access.is_superuser(user) else tenants.filter(pk__in=access.roles(user))
    found = mine.filter(slug=slug).first()
    if found is None:
        raise OtherTenant(f"user:{user.get_username()} is no member of a tenant {slug}.")
    return found


def _shown(pair: Pair) -> Response:
    now = timezone.now()
    facts = {
        "access": pair.access,
        "refresh": pair.refresh,
        "token_type": "Bearer",
        "expires_in": _seconds(pair.expires_at, now),
        "refresh_expires_in": _seconds(pair.refresh_expires_at, now),
        "scopes": pair.scopes,
        "tenant": pair.tenant,
    }
    return Response(PairSerializer(facts).data)


def _seconds(end: datetime, now: datetime) -> int:
    return max(0, int((end - now).total_seconds()))
