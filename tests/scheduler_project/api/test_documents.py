"""The OpenAPI document: valid, complete, the one that is committed; Swagger UI from our own host."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command

from scheduler_project.middleware import NO_PAGE_POLICY
from tests.cast import ApiClient

SIGNED = "/api/v1/hooks/{public_id}"  # open to all in the table of scopes: the body is signed
COMMITTED = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def text() -> str:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return out.getvalue()


@pytest.fixture(scope="module")
def document(text: str) -> Any:
    return yaml.safe_load(text)


class TestDocument:
    def test_is_the_one_that_is_committed(self, text: str) -> None:
        assert text.strip() == COMMITTED.read_text().strip(), (
            "The API has changed. Look at the difference, then run `manage.py spectacular --file docs/openapi.yaml`."
        )

    def test_describes_errors_and_credentials_of_every_endpoint(self, document: Any) -> None:
        for path, methods in document["paths"].items():
            if path == SIGNED:
                continue
            for method, operation in methods.items():
                known = set(operation["responses"])
                assert {"400", "401", "403", "default"} <= known, (method, path)
                assert "404" in known or "{" not in path, (method, path)
                credentials = {name for one in operation.get("security", []) for name in one}
                assert {"bearerKey", "headerKey", "session"} <= credentials or "x-required-scope" not in operation
                assert operation["description"]
                for code, response in operation["responses"].items():
                    if code >= "4":
                        schema = response["content"]["application/json"]["schema"]
                        assert schema == {"$ref": "#/components/schemas/Error"}, (method, path, code)

    def test_describes_what_needs_a_signature_and_no_key(self, document: Any) -> None:
        operation = document["paths"][SIGNED]["post"]
        assert set(operation["responses"]) == {"200", "202", "400", "401", "404", "409", "413", "429", "503"}
        assert operation.get("security", [{}]) == [{}]

    def test_names_operations_in_words(self, document: Any) -> None:
        names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
        assert len(set(names)) == len(names)
        assert not [name for name in names if name.startswith("api_") or name[-1].isdigit()]

    def test_documents_every_field_of_a_job(self, document: Any) -> None:
        from jobs.definition import FIELDS

        assert set(document["components"]["schemas"]["JobCreation"]["properties"]) == {*FIELDS, "tenant", "enabled"}

    def test_documents_every_policy(self, document: Any) -> None:
        from jobs.rules.policy import JobPolicy

        assert set(document["components"]["schemas"]["Policy"]["properties"]) == set(JobPolicy().to_json())

    def test_documents_every_key_of_a_schedule(self, document: Any) -> None:
        from jobs.rules.schedule_input import KINDS_OF_KEY

        known = set(document["components"]["schemas"]["Schedule"]["properties"])
        assert known == {"kind", "timezone", "spread_offset_seconds", *KINDS_OF_KEY}


@pytest.mark.django_db
class TestServing:
    def test_needs_no_credentials(self, text: str) -> None:
        answer = ApiClient().get("/api/schema/")
        assert answer.status_code == 200
        assert yaml.safe_load(answer.content) == yaml.safe_load(text)

    def test_speaks_json_too(self, document: Any) -> None:
        answer = ApiClient().get("/api/schema", headers={"Accept": "application/json"})
        assert json.loads(answer.content) == document

    def test_is_made_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ApiClient().get("/api/schema/")
        monkeypatch.setattr("scheduler_project.api.documents.SchemaGenerator", None)
        assert ApiClient().get("/api/schema/").status_code == 200

    def test_shows_swagger_ui_from_our_own_host(self) -> None:
        answer = ApiClient().get("/api/docs/")
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "http://" not in page
        assert "https://" not in page
        for part in page.split('"'):
            if part.startswith("/static/"):
                assert finders.find(part.removeprefix("/static/")), part

    def test_relaxes_the_policy_for_swagger_ui_alone(self) -> None:
        policy = ApiClient().get("/api/docs/").headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self' 'unsafe-inline'" in policy
        assert ApiClient().get("/api/schema/").headers["Content-Security-Policy"] == NO_PAGE_POLICY

    def test_serves_the_script_of_the_page_as_a_file(self) -> None:
        answer = ApiClient().get("/api/docs/?script=")
        assert answer.headers["Content-Type"].startswith("application/javascript")
        assert "/api/schema" in answer.content.decode()
