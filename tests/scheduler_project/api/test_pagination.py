"""The envelope: which window is meant, and how many results there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from accounts.models import Tenant
from scheduler_project.api import pagination
from scheduler_project.api.errors import Invalid
from scheduler_project.api.pagination import EnvelopePagination, window


class TestWindow:
    @pytest.mark.parametrize(
        ("parameters", "expected"),
        [
            ({}, (50, 0)),
            ({"limit": "10"}, (10, 0)),
            ({"limit": "10", "offset": "30"}, (10, 30)),
            ({"page": "1"}, (50, 0)),
            ({"page": "3", "per_page": "20"}, (20, 40)),
            ({"page": "3", "limit": "20"}, (20, 40)),
            ({"per_page": "200"}, (200, 0)),
        ],
    )
    def test_is_told_by_either_pair(self, parameters: dict[str, str], expected: tuple[int, int]) -> None:
        assert window(parameters) == expected

    @pytest.mark.parametrize(
        ("parameters", "fields"),
        [
            ({"limit": "0"}, {"limit"}),
            ({"limit": "201", "offset": "-1"}, {"limit", "offset"}),
            ({"limit": "٣"}, {"limit"}),
            ({"limit": " 5"}, {"limit"}),
            ({"limit": ""}, {"limit"}),
            ({"offset": "9" * 40}, {"offset"}),
            ({"page": "2", "offset": "5"}, {"page"}),
            ({"per_page": "2", "limit": "5"}, {"per_page"}),
            ({"page": "10000000"}, {"page"}),
        ],
    )
    def test_refuses_what_it_does_not_understand(self, parameters: dict[str, str], fields: set[str]) -> None:
        with pytest.raises(Invalid) as refused:
            window(parameters)
        assert set(refused.value.fields) == fields


@pytest.mark.django_db
class TestEnvelope:
    @pytest.fixture(autouse=True)
    def tenants(self) -> None:
        Tenant.objects.all().delete()
        Tenant.objects.bulk_create(Tenant(slug=f"t{number:03}", name="x") for number in range(10))

    def page(self, query: str) -> dict[str, Any]:
        paginator = EnvelopePagination()
        found = paginator.paginate_queryset(
            Tenant.objects.order_by("slug"), Request(RequestFactory().get(f"/?{query}"))
        )
        page: dict[str, Any] = paginator.get_paginated_response([tenant.slug for tenant in found]).data
        return page

    @pytest.mark.parametrize(
        ("query", "count", "has_more"),
        [("", 10, False), ("limit=3", 3, True), ("limit=3&offset=7", 3, False), ("limit=3&offset=9", 1, False)],
    )
    def test_says_whether_there_is_more(self, query: str, count: int, has_more: bool) -> None:
        page = self.page(query)
        assert (len(page["results"]), page["has_more"]) == (count, has_more)
        assert (page["total_count"], page["total_is_estimate"]) == (10, False)

    def test_counts_beyond_the_end(self) -> None:
        page = self.page("offset=50")
        assert (page["results"], page["total_count"], page["has_more"]) == ([], 10, False)

    def test_counts_only_when_it_has_to(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            self.page("")
        with django_assert_num_queries(2):
            self.page("limit=3")

    def test_estimates_what_would_take_long_to_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pagination, "FEW", 1)
        monkeypatch.setattr(pagination, "COUNTED", 5)
        page = self.page("limit=3")
        assert (page["total_is_estimate"], page["has_more"]) == (True, True)
        assert page["total_count"] > 5

    def test_counts_nothing_when_there_is_clearly_more(
        self, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(pagination, "FEW", 2)
        monkeypatch.setattr(pagination, "_estimate", lambda queryset: 2_000_000)
        with django_assert_num_queries(2):
            page = self.page("limit=3")
        assert (page["total_count"], page["total_is_estimate"]) == (2_000_000, True)

    def test_counts_what_may_be_few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pagination, "FEW", 2)
        monkeypatch.setattr(pagination, "_estimate", lambda queryset: 300_000)
        page = self.page("limit=3")
        assert (page["total_count"], page["total_is_estimate"]) == (10, False)

    def test_never_estimates_less_than_it_has_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pagination, "FEW", 1)
        monkeypatch.setattr(pagination, "COUNTED", 2)
        monkeypatch.setattr(pagination, "_estimate", lambda queryset: 1)
        assert self.page("limit=2&offset=6")["total_count"] == 9
