"""The switch of notifications, as each part asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from notifications import switch


class TestSwitch:
    @pytest.mark.parametrize("value", [None, True])
    def test_is_on_unless_the_environment_says_otherwise(self, value: bool | None, settings: Any) -> None:
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = value
        assert (switch.is_on(), switch.refusal()) == (True, "")

    def test_says_what_switched_it_off(self, settings: Any) -> None:
        settings.DAYBOOK_NOTIFICATIONS_ENABLED = False
        assert not switch.is_on()
        assert "DAYBOOK_NOTIFICATIONS_ENABLED" in switch.refusal()
