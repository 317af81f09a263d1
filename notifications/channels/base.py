"""What every kind of channel is: its settings, how a message looks there, and how it is sent. Asks no database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from notifications.channels.fields import Field
from notifications.channels.message import Message
from notifications.rules.answers import Answer
from notifications.rules.kinds import ChannelKind

Problems = Mapping[str, str]


@dataclass(frozen=True)
class Letter:
    """A message on its way: with what opens the receiver's door, to whom it goes, and who has it already."""

    message: Message
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    signs_with: Sequence[str] = ()
    to: Sequence[str] = ()
    taken_by: Sequence[str] = ()


class ChannelType(ABC):
    """`note` is for who sets one up. `sends_at_once` bounds the calls of one channel; with `keeps_order` those about
    one job wait for each other."""

    kind: ClassVar[ChannelKind]
    label: ClassVar[str]
    about: ClassVar[str]
    note: ClassVar[str] = ""
    fields: ClassVar[tuple[Field, ...]]
    sends_at_once: ClassVar[int] = 4
    keeps_order: ClassVar[bool] = False
    is_signed: ClassVar[bool] = False

    @property
    def secret_fields(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields if field.is_secret)

    def check(self, config: Mapping[str, Any], secrets: Mapping[str, str]) -> Problems:
        """What is wrong with fields that are good each by itself, by their names."""
        return {}

    def shown_of(self, secrets: Mapping[str, str]) -> Mapping[str, str]:
        """What may be shown of the secrets, such as the host that they lead to."""
        return {}

    @abstractmethod
    def compose(self, message: Message, config: Mapping[str, Any]) -> dict[str, Any]:
        """What is sent, without secrets, as JSON."""

    @abstractmethod
    def send(self, letter: Letter) -> Answer:
        """Called by threads. What it raises is an answer too; see `notifications.channels.calling`."""
