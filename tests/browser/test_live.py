"""What happens on the server reaches an open page by itself."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import expect

from jobs import registry
from tests.browser.conftest import SignIn
from tests.cast import Cast
from tests.jobs.admin.conftest import job_url
from tests.jobs.api.conftest import MakeJob

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


class TestConnection:
    def test_is_there_on_every_page(self, cast: Cast, visit: SignIn) -> None:
        page = visit(cast.vera).open("/admin/")
        expect(page.locator("html")).to_have_attribute("data-live-state", "live")

    def test_tells_nothing_in_vain_while_a_part_is_being_read(self, cast: Cast, job_of: MakeJob, visit: SignIn) -> None:
        """What is read by then may be older than what was told, and its element gives way to another one."""
        job = job_of()
        page = visit(cast.ana).page
        sockets: list[Any] = []
        reads = 0

        def pass_on(route: Any) -> None:
            route.connect_to_server()
            sockets.append(route)

        def tell() -> None:
            message = {"type": "changed", "topic": f"job:{job.pk}", "data": {"jobs": [job.pk], "events": {}}}
            sockets[-1].send(json.dumps(message))

        def answer_late(route: Any) -> None:
            nonlocal reads
            reads += 1
            answer = route.fetch()
            if reads == 1:
                registry.pause(job.pk, actor="user:olaf", note="New disks")
                tell()
            route.fulfill(response=answer)

        page.route_web_socket("**/ws/live", pass_on)
        page.route(re.compile("part=tab"), answer_late)
        page.goto(job_url(job))
        expect(page.locator("html")).to_have_attribute("data-live-state", "live")
        tell()
        expect(page.locator("#job-head")).to_contain_text("New disks")
        assert reads == 2
