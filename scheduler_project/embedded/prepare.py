"""One process that makes the database ready: migrations, the administrator, the demo. The only one here with Django."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from scheduler_project.embedded.state import keep_secret, read_secret

ADMINISTRATOR = "admin"
PASSWORD_UNKNOWN = 3
"""Exit code: all is ready, but the administrator's password is not the one in the file."""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--own-database", action="store_true", help="the database is the embedded one")
    arguments = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")

    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import call_command, get_commands
    from django.core.management.base import CommandError
    from django.db.utils import OperationalError

    try:
        django.setup()
        call_command("migrate", interactive=False, verbosity=1)
        is_known = make_administrator(arguments.password_file, own_database=arguments.own_database)
        if arguments.own_database and "load_demo" in get_commands():
            call_command("load_demo")
    except ImproperlyConfigured as error:
        print(f"Configuration error: {error}")
    except (CommandError, OperationalError) as error:
        print(" ".join(str(error).split()))
    else:
        return 0 if is_known else PASSWORD_UNKNOWN
    return 1


def make_administrator(file: Path, *, own_database: bool) -> bool:
    """See that there is an administrator; False when the password in the file is not theirs.

    A lost file gets a new password, but only in our own database: elsewhere nobody's password is changed.
    """
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    user = users.filter(username=ADMINISTRATOR).first()
    if user is None:
        if not own_database and users.filter(is_superuser=True).exists():
            return False
        users.create_superuser(ADMINISTRATOR, f"{ADMINISTRATOR}@localhost", keep_secret(file))
        return True
    if own_database and not read_secret(file):
        user.set_password(keep_secret(file))
        user.save()
    return bool(user.check_password(read_secret(file)))


if __name__ == "__main__":
    sys.exit(main())
