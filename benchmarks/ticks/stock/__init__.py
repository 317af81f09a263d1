"""Stock django-celery-beat as its documentation installs it: nothing of this project is imported here."""
