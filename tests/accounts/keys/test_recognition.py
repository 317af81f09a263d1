"""Which texts open something."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey
from tests.cast import Cast, MakeKey, secret_of

pytestmark = pytest.mark.django_db


class TestRecognise:
    def test_finds_the_key_with_its_tenant_in_one_query(
        self, cast: Cast, make_key: MakeKey, django_assert_num_queries: object
    ) -> None:
        key, text = make_key()
        with django_assert_num_queries(1):  # type: ignore[operator]
            assert keys.recognise(text, now=timezone.now()).tenant == key.tenant

    def test_stores_no_key(self, make_key: MakeKey) -> None:
        key, text = make_key()
        stored = " ".join(str(value) for value in ApiKey.objects.filter(pk=key.pk).values_list().get())
        assert text not in stored
        assert secret_of(text) not in stored

    @pytest.mark.parametrize("change", [str.upper, lambda text: text + "A", lambda text: text[:-1] + "~", lambda _: ""])
    def test_refuses_what_is_almost_a_key(self, make_key: MakeKey, change: object) -> None:
        _, text = make_key()
        with pytest.raises(keys.UnknownKey, match="not known"):
            keys.recognise(change(text), now=timezone.now())  # type: ignore[operator]

    def test_refuses_the_right_prefix_with_another_secret(self, make_key: MakeKey) -> None:
        _, text = make_key()
        forged = text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB")
        with pytest.raises(keys.UnknownKey, match="not known"):
            keys.recognise(forged, now=timezone.now())

    @pytest.mark.parametrize("text", ["sch_live_\x00_x", "sch_live_🙂", "' OR 1=1 --", "sch_live_" + "a" * 100_000])
    def test_survives_anything(self, cast: Cast, text: str) -> None:
        with pytest.raises(keys.UnknownKey):
            keys.recognise(text, now=timezone.now())

    def test_says_of_a_key_that_was_good_why_it_is_no_longer(self, cast: Cast, make_key: MakeKey) -> None:
        now = timezone.now()
        for text, words in (
            (make_key(revoked=True)[1], "revoked"),
            (make_key(expires_at=now)[1], "expired"),
        ):
            with pytest.raises(keys.UnknownKey, match=words):
                keys.recognise(text, now=now)

    def test_is_good_until_the_instant_it_expires(self, make_key: MakeKey) -> None:
        now = timezone.now()
        _, text = make_key(expires_at=now + timedelta(seconds=1))
        assert keys.recognise(text, now=now)

    def test_follows_the_tenant(self, cast: Cast, make_key: MakeKey) -> None:
        _, text = make_key()
        cast.acme.is_active = False
        cast.acme.save()
        with pytest.raises(keys.UnknownKey, match=r"tenant acme .* not active"):
            keys.recognise(text, now=timezone.now())
