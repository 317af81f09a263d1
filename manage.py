#!/usr/bin/env python
"""The command line of the project."""

import os
import sys

SERVERS = ("run_scheduler", "runserver", "execute")  # what they do, others have asked for


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "scheduler_project.settings.dev")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        from scheduler_project.lib import origin

        if len(sys.argv) > 1 and sys.argv[1] not in SERVERS:
            origin.by_command(sys.argv[1])
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"Configuration error: {error}")


if __name__ == "__main__":
    main()
