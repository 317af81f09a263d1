from django.db import migrations

# A job that is saved looks for the schedule row that says what it says. django-celery-beat has no index for that, since
# it never asks.
INDEXES = {
    "daybook_beat_intervals": "django_celery_beat_intervalschedule (every, period)",
    "daybook_beat_clocked": "django_celery_beat_clockedschedule (clocked_time)",
    "daybook_beat_crontabs": (
        "django_celery_beat_crontabschedule (minute, hour, day_of_month, month_of_year, day_of_week, timezone)"
    ),
}


class Migration(migrations.Migration):

    dependencies = [("jobs", "0005_beat_rows"), ("django_celery_beat", "0019_alter_periodictasks_options")]

    operations = [
        migrations.RunSQL(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}", f"DROP INDEX IF EXISTS {name}")
        for name, columns in INDEXES.items()
    ]
