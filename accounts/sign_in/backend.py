"""Django's own check of passwords, within the limits of `throttle`."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from accounts.sign_in import throttle
from scheduler_project.lib import origin


class PasswordBackend(ModelBackend):
    """A name that nobody has takes as long as a wrong password, and gets the same answer: that is Django's doing."""

    def authenticate(  # type: ignore[override]
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> AbstractBaseUser | None:
        """Raises `TooManySignIns`. What does not come with a request is not counted."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username=username, password=password, **more)
        address = origin.current.get().address or f"unknown, of {username}"  # a socket file has none
        attempt = throttle.begin(username, address)
        user = super().authenticate(request, username=username, password=password, **more)
        if user is not None:
            throttle.succeed(attempt)
        return user

    async def aauthenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **more: Any
    ) -> Any:
        return await sync_to_async(self.authenticate)(request, username, password, **more)
