"""`make screenshots`: pictures of the console into docs/images. With `--serve` the stage stays open to be looked at."""

from __future__ import annotations

import argparse
import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import daybook, servers
from benchmarks.console import visitor
from benchmarks.processes import PROJECT, Process, environment
from scheduler_project.embedded.processes import free_port, wait_until
from tests.mail_servers import MailServer, mail_server

if TYPE_CHECKING:
    from tests.screenshots.stage import Stage

SETTINGS = "scheduler_project.settings.dev"
FOLDER = PROJECT / "docs" / "images"
WEB = ("-m", "uvicorn", "scheduler_project.asgi:application", "--lifespan", "off", "--no-access-log")
DESK, PHONE = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
# name -> address; "{...}" is filled from the stage
PAGES = {
    "dashboard": "/admin/",
    "jobs": "/admin/jobs/job/",
    "job": "/admin/jobs/job/{job}/",
    "decisions": "/admin/jobs/job/{job}/?tab=decisions",
    "new-job": "/admin/jobs/job/add/",
    "new-job-schedule": "/admin/jobs/job/new/{draft}/schedule/",
    "new-job-review": "/admin/jobs/job/new/{draft}/review/",
    "edit-job": "/admin/jobs/job/{job}/change/",
    "executions": "/admin/jobs/execution/",
    "execution": "/admin/jobs/execution/{running}/change/",
    "failure": "/admin/jobs/execution/{failed}/change/",
    "schedule": "/admin/jobs/forecasthour/",
    "calendar": "/admin/jobs/forecasthour/?view=calendar",
    "pipelines": "/admin/jobs/dependency/",
    "pipeline": "/admin/jobs/dependency/{pipeline}/",
    "pipeline-run": "/admin/jobs/dependency/{pipeline}/?view=runs",
    "dead-letters": "/admin/jobs/deadletter/",
    "workers": "/admin/jobs/worker/",
    "playground": "/admin/templates_registry/templateversion/playground/",
    "templates": "/admin/templates_registry/templateversion/",
    "bell": "/admin/",
    "inbox": "/admin/notifications/",
    "rule": "/admin/notifications/rules/{rule}/",
    "channels": "/admin/notifications/channels/",
    "channel": "/admin/notifications/channels/{mail}/",
    "deliveries": "/admin/notifications/deliveries/",
    "delivery": "/admin/notifications/deliveries/{retried}/",
    "job-notifications": "/admin/jobs/job/{fed}/?tab=notifications",
    "new-job-notifications": "/admin/jobs/job/new/{draft}/notifications/",
    "settings": "/admin/settings/",
    "audit": "/admin/accounts/auditentry/",
}
# name -> what is pressed before the picture is taken, and what has to be there then
PRESSED = {"bell": ("#bell", "#notification-list li"), "channel": ("text=Send a test", "#test-result")}
DARK = ("dashboard", "execution", "inbox")
ON_PHONE = ("dashboard", "jobs", "execution", "bell")


def main() -> None:
    options = _options()
    keys = {"DAYBOOK_ENCRYPTION_KEYS": f"stage:{base64.b64encode(os.urandom(32)).decode()}"}
    os.environ.update(keys)
    with servers.running() as running:
        daybook.set_up(running, settings=SETTINGS)
        url = daybook.use(running, "screenshots")
        from tests.screenshots import stage

        built = stage.build()
        port = options.serve or free_port()
        values = daybook.settings_for(url, running.broker(0), "web", settings=SETTINGS)
        with (
            stage.alive(url),
            mail_server() as mails,
            _web({**values, **keys, **_mail(mails)}, running.folder, port) as web,
        ):
            if options.serve:
                _serve(built, port, web)
            else:
                _take(built, port, options.folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make screenshots ARGS=...", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go")
    parser.add_argument("--serve", type=int, metavar="PORT", help="no pictures: serve the stage until Ctrl-C")
    return parser.parse_args()


@contextmanager
def _web(values: Mapping[str, str], folder: Path, port: int) -> Iterator[Process]:
    with Process([*WEB, "--port", str(port)], environment(**values), folder / "web.log") as web:
        if not wait_until(lambda: "running on" in web.log.read_text(), seconds=60):
            raise SystemExit(f"The web does not start:\n{web.log.read_text()[-4000:]}")
        yield web


def _mail(server: MailServer) -> dict[str, str]:
    server.verdict = "554 5.7.1 Refused: SPF of acme.example does not name this server"
    return {
        "DAYBOOK_EMAIL_URL": f"smtp://127.0.0.1:{server.port}",
        "DAYBOOK_PUBLIC_URL": "https://daybook.acme.example",
    }


def _session(user: Any) -> str:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def _serve(stage: Stage, port: int, web: Process) -> None:
    from django.contrib.auth.models import User

    for user in User.objects.all():
        user.set_password("daybook")
        user.save()
    names = ", ".join(User.objects.values_list("username", flat=True))
    print(f"http://localhost:{port}/admin/ with the password daybook as {names}; Ctrl-C ends it", flush=True)
    try:
        while web.is_alive:
            time.sleep(1)
    except KeyboardInterrupt:
        pass


def _take(stage: Stage, port: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ids = {
        "job": stage.job.pk, "running": stage.running.pk, "failed": stage.failed.pk, "letter": stage.letter.pk,
        "pipeline": stage.pipeline.pk, "draft": stage.draft.token,
        "rule": stage.told.rule.pk, "mail": stage.told.mail.pk, "retried": stage.told.retried.pk,
        "fed": stage.failed.job_id,
    }  # fmt: skip
    looks: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("", {"viewport": DESK, "color_scheme": "light"}, tuple(PAGES)),
        ("-dark", {"viewport": DESK, "color_scheme": "dark"}, DARK),
        ("-phone", {"viewport": PHONE, "color_scheme": "light", "device_scale_factor": 2}, ON_PHONE),
    ]
    session, taken = _session(stage.root), {}
    with visitor.browser() as browser:
        for suffix, options, names in looks:
            context = visitor.sign_in(browser, f"http://localhost:{port}", session, reduced_motion="reduce", **options)
            page = context.new_page()
            for name in names:
                answer = page.goto(PAGES[name].format(**ids), wait_until="networkidle")
                if name in PRESSED:
                    _press(page, *PRESSED[name])
                file = folder / f"{name}{suffix}.png"
                page.screenshot(path=file)
                taken[file.name] = {"status": answer.status if answer else 0, "bytes": file.stat().st_size}
                print(f"{file.name:<28}{taken[file.name]['status']:>5}{taken[file.name]['bytes'] / 1000:>8.0f} KB")
            context.close()
    print(json.dumps(taken))


def _press(page: Any, what: str, brings: str) -> None:
    page.locator(what).first.click()
    page.locator(brings).first.wait_for()
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    main()
