"""What can be run."""

from __future__ import annotations

import pytest

from templates_registry.models import TemplateVersion
from tests.cast import ApiClient

pytestmark = pytest.mark.django_db

PATH = "/api/v1/templates"


@pytest.fixture
def second_echo() -> TemplateVersion:
    echo = TemplateVersion.objects.get(name="echo")
    echo.pk, echo.version, echo.title = None, 2, "Echo, the second"
    echo.save()
    return echo


class TestTemplates:
    def test_are_listed_in_their_newest_version(self, by_key: ApiClient, second_echo: TemplateVersion) -> None:
        page = by_key.get(f"{PATH}?q=echo").json()
        assert [(template["name"], template["version"]) for template in page["results"]] == [("echo", 2)]
        assert page["total_count"] == 1

    def test_can_be_narrowed(self, by_key: ApiClient) -> None:
        every = by_key.get(PATH).json()["results"]
        maintenance = by_key.get(f"{PATH}?category=Maintenance").json()["results"]
        assert {template["category"] for template in maintenance} == {"Maintenance"}
        assert len(maintenance) < len(every)

    def test_say_durations_in_seconds(self, by_key: ApiClient) -> None:
        echo = by_key.get(f"{PATH}/echo").json()
        assert (echo["timeout_seconds"], echo["min_interval_seconds"], echo["soft_timeout_seconds"]) == (3600, 1, None)

    def test_show_the_schema_of_their_parameters(self, by_key: ApiClient) -> None:
        assert set(by_key.get(f"{PATH}/echo").json()["schema"]["properties"]) == {"text", "token"}

    def test_show_all_their_versions(self, by_key: ApiClient, second_echo: TemplateVersion) -> None:
        page = by_key.get(f"{PATH}/echo/versions").json()
        assert [template["version"] for template in page["results"]] == [2, 1]

    def test_whose_code_is_gone_are_shown_by_name_only(self, by_key: ApiClient) -> None:
        TemplateVersion.objects.filter(name="echo").update(is_available=False)
        assert by_key.get(f"{PATH}?q=echo").json()["total_count"] == 0
        assert by_key.get(f"{PATH}/echo").json()["is_available"] is False

    @pytest.mark.parametrize("path", ["/nothing", "/nothing/versions", "/UPPER", "/../jobs"])
    def test_that_are_unknown_are_not_found(self, by_key: ApiClient, path: str) -> None:
        answer = by_key.get(f"{PATH}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
