"""Names in a body that are no whole characters, with values below them that are refused as well."""

from __future__ import annotations

import pytest

from tests.cast import ApiClient
from tests.jobs.api.conftest import by_key

__all__ = ["by_key"]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("value", [r'"\udc00"', r'{"\udc00": "\u0000"}', r'"\u0000"'])
def test_are_refused_in_words_that_can_be_sent(value: str, by_key: ApiClient) -> None:
    body = rf'{{"title": "x", "meta": {{"\ud800": {value}}}}}'
    answer = by_key.post("/api/v1/notifications", data=body.encode(), content_type="application/json")
    assert answer.status_code == 400
    assert {"meta", "meta.?"} & set(answer.json()["error"]["fields"])
