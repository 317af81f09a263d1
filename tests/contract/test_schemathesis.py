"""Nothing that can be made of the OpenAPI document gets a 5xx, or an answer that the document does not describe."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.middleware.csrf import _get_new_csrf_string

from tests.cast import ApiClient, Cast, MakeKey
from tests.contract import fuzzing
from tests.jobs.api.conftest import MakeJob, RunJob, backfill_of
from tests.jobs.api.test_scope_matrix import Stage

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1"))  # for each operation
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SECONDS = int(os.environ.get("FUZZ_SECONDS", "0"))  # for each caller; 0: as long as it takes


@pytest.mark.django_db(transaction=True)
@pytest.mark.long
def test_every_answer_is_one_that_the_document_describes(
    job_of: MakeJob, run_of: RunJob, cast: Cast, make_key: MakeKey, capsys: Any
) -> None:
    job = job_of()
    backfill_of(job)
    stage = Stage(job, run_of(job))
    problems = []
    for who, caller in callers(cast, make_key).items():
        summary = fuzzing.run(
            stage,
            caller,
            get_wsgi_application(),
            examples=EXAMPLES,
            seed=SEED,
            thorough="FUZZ_EXAMPLES" in os.environ,
            seconds=SECONDS or None,
        )
        problems += summary.problems()
        if summary.statuses[200] < summary.requests // 10:
            problems.append(f"Little was tried as {who}: {summary}")
        with capsys.disabled():
            print(f"\nschemathesis as {who}: {summary}")
    assert not problems, "\n" + "\n".join(problems)


def callers(cast: Cast, make_key: MakeKey) -> dict[str, dict[str, str]]:
    """A program of one tenant with all scopes; a superuser, who sees all tenants, by their session. The headers of
    each."""
    client = ApiClient()
    client.force_login(cast.root)
    token = _get_new_csrf_string()
    cookies = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    return {
        "a key with all scopes": {"Authorization": f"Bearer {make_key()[1]}"},
        "a superuser": {"Cookie": f"{cookies}; {settings.CSRF_COOKIE_NAME}={token}", "X-CSRFToken": token},
    }
