"""The fields of a channel's settings: how each is read from untrusted input, and which are secret."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from scheduler_project.lib.http import HttpClient, OutboundRefused
from scheduler_project.lib.input import printable_text

Read = Callable[[object], tuple[Any, str]]  # the value, and what is wrong with it

MOST_URL = 2_000
MOST_ADDRESSES = 50
MOST_ADDRESS = 254


@dataclass(frozen=True)
class Field:
    """`form` says what a form asks with: text, url, addresses, boolean or choice. `meant_for` names the address that a
    secret goes to: it does not follow to another host."""

    name: str
    label: str
    help: str
    form: str
    read: Read
    default: Any = ""
    is_secret: bool = False
    is_required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    meant_for: str = ""


def text_of(most: int) -> Read:
    def read(value: object) -> tuple[str, str]:
        if value == "":
            return "", ""
        return printable_text(value, most=most)

    return read


def url(value: object) -> tuple[str, str]:
    """An address that may be called from here, as far as can be said without asking for the host's address."""
    text, problem = text_of(MOST_URL)(value)
    if text and not problem:
        try:
            HttpClient().check(text)
        except OutboundRefused as error:
            problem = str(error)
    return text, problem


def addresses(value: object) -> tuple[list[str], str]:
    """Of people, each once whatever its case."""
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return [], "Write a list of addresses."
    found: dict[str, str] = {}
    for one in value:
        address = one.strip() if isinstance(one, str) else ""
        try:
            validate_email(address)
        except ValidationError:
            return [], f"{str(one)[:100]!r} is no address of mail."
        if len(address) > MOST_ADDRESS:
            return [], f"An address has at most {MOST_ADDRESS} characters."
        found.setdefault(address.lower(), address)
    if len(found) > MOST_ADDRESSES:
        return [], f"Write at most {MOST_ADDRESSES} addresses."
    return list(found.values()), ""


def boolean(value: object) -> tuple[bool, str]:
    return bool(value), "" if isinstance(value, bool) else "Write true or false."


def choice_of(choices: Sequence[tuple[str, str]]) -> Read:
    known = [value for value, _ in choices]

    def read(value: object) -> tuple[str, str]:
        return (str(value), "") if value in known else ("", f"Write one of {', '.join(known)}.")

    return read
