"""A key that is away holds up what needs it, and nothing else."""

from __future__ import annotations

import pytest

from accounts.sealing import KeysUnavailable
from notifications.channels import secrets
from notifications.models import Delivery
from notifications.sending.sender import Sender
from tests.notifications.sending.conftest import MakeChannel, MakeDelivery, make_due, sweep_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_lets_what_needs_no_key_go_out(
    channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = [delivery_of(channel_of("slack")) for _ in range(2)]
    plain = delivery_of(channel_of("webhook"))
    asked: list[str] = []

    def open_all(text: str, **_: object) -> dict[str, str]:
        if text:
            asked.append(text)
            raise KeysUnavailable("The key is away.")
        return {}

    monkeypatch.setattr(secrets, "open_all", open_all)
    sweep_until(sender, lambda: Delivery.objects.get(pk=plain.pk).status == "delivered")
    held_up = Delivery.objects.filter(pk__in=[one.pk for one in sealed])
    assert list(held_up.values_list("status", "reason")) == [("waiting", "The key is away.")] * 2
    assert len(asked) == 1  # once for the tenant


def test_goes_on_after_a_repeat_has_taken_the_place_of_what_was_held_up(
    channel_of: MakeChannel, delivery_of: MakeDelivery, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = channel_of("slack")
    delivery_of(channel, group_key="a job")
    open_all = secrets.open_all

    def repeat(*_: object, **__: object) -> dict[str, str]:
        if Delivery.objects.count() == 1:
            delivery_of(channel, group_key="a job")
        raise KeysUnavailable("The key is away.")

    monkeypatch.setattr(secrets, "open_all", repeat)
    sender.sweep()
    assert list(Delivery.objects.order_by("id").values_list("tries", flat=True)) == [1, 0]
    monkeypatch.setattr(secrets, "open_all", open_all)
    make_due()
    sweep_until(sender, lambda: set(Delivery.objects.values_list("status", flat=True)) == {"delivered"})
    assert list(Delivery.objects.order_by("id").values_list("tries", flat=True)) == [2, 1]
