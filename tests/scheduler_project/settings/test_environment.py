"""What the environment may say, and the one sentence for what it may not."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from scheduler_project.settings.environment import VARIABLES, Environment
from tests.live import PROJECT


class TestEnvironment:
    def test_gives_defaults(self) -> None:
        environment = Environment({})
        assert environment["SCHEDULER_USE_CELERY"] is True
        assert environment["DAYBOOK_RUN_LEASE"] == timedelta(seconds=60)
        assert environment["DATABASE_URL"] is None

    def test_takes_an_empty_value_for_none(self) -> None:
        assert Environment({"DAYBOOK_RUN_LEASE": ""})["DAYBOOK_RUN_LEASE"] == timedelta(seconds=60)

    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("SCHEDULER_USE_CELERY", "maybe", "true or false"),
            ("DAYBOOK_RUN_LEASE", "soon", "number of seconds"),
            ("DAYBOOK_RUN_LEASE", "901", "from 2 to 900"),
            ("DAYBOOK_RUN_LEASE", "nan", "from 2 to 900"),
            ("DATABASE_URL", "mysql://host/db", "postgres://"),
            ("REDIS_URL", "localhost:6379", "redis://"),
            ("DATABASE_POOLER", "session", "none, transaction"),
            ("DAYBOOK_LOG_LEVEL", "LOUD", "DEBUG"),
        ],
    )
    def test_names_an_invalid_variable_and_what_would_be_right(self, name: str, value: str, says: str) -> None:
        with pytest.raises(ImproperlyConfigured, match=name) as caught:
            Environment({name: value})
        assert says in str(caught.value)

    def test_names_an_unknown_variable_and_what_was_meant(self) -> None:
        with pytest.raises(ImproperlyConfigured, match=r"DAYBOOK_RUNLEASE.*Did you mean DAYBOOK_RUN_LEASE"):
            Environment({"DAYBOOK_RUNLEASE": "60"})

    def test_leaves_the_variables_of_others_alone(self) -> None:
        Environment({"PATH": "/bin", "DJANGO_SETTINGS_MODULE": "x", "DAYBOOK_WEB_PORT_80_TCP_ADDR": "10.0.0.1"})

    def test_every_variable_says_what_it_is_for(self) -> None:
        assert all(variable.help.endswith((".", "`.")) for variable in VARIABLES.values())


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DAYBOOK_", "DATABASE_", "REDIS_", "DJANGO_"))
    }
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=PROJECT,
        env={**inherited, **changes},
        capture_output=True,
        text=True,
        check=False,
    )


class TestStart:
    def test_stops_with_one_sentence_and_no_traceback(self) -> None:
        stopped = check(DJANGO_SETTINGS_MODULE="scheduler_project.settings.test", DAYBOOK_LEADER_LEASE="-1")
        assert stopped.returncode != 0
        assert "DAYBOOK_LEADER_LEASE" in stopped.stderr
        assert "Traceback" not in stopped.stderr

    @pytest.mark.parametrize("missing", ["DAYBOOK_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DAYBOOK_ALLOWED_HOSTS"])
    def test_production_names_what_is_missing(self, missing: str) -> None:
        needed = {
            "DJANGO_SETTINGS_MODULE": "scheduler_project.settings.prod",
            "DAYBOOK_SECRET_KEY": "k" * 60,
            "DATABASE_URL": "postgres://daybook@127.0.0.1:9/daybook",
            "REDIS_URL": "redis://127.0.0.1:9/0",
            "DAYBOOK_ALLOWED_HOSTS": "daybook.example",
        }
        needed.pop(missing)
        stopped = check(**needed)
        assert stopped.returncode != 0
        assert missing in stopped.stderr

    def test_development_says_how_to_get_a_database(self, tmp_path: object) -> None:
        stopped = check(DJANGO_SETTINGS_MODULE="scheduler_project.settings.dev", DAYBOOK_STATE_DIR=str(tmp_path))
        assert stopped.returncode != 0
        assert "make run" in stopped.stderr
        assert "Traceback" not in stopped.stderr
