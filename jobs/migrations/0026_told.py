from django.db import migrations, models

# Rows of before keep none: their transactions are long over, and readers begin with what happens from here on.
NUMBER = """
ALTER TABLE scheduler_events ADD COLUMN xid bigint;
ALTER TABLE scheduler_events ALTER COLUMN xid SET DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX scheduler_events_in_order ON scheduler_events (xid, id) WHERE level <> 'info';
"""
FORGET = """
DROP INDEX scheduler_events_in_order;
ALTER TABLE scheduler_events DROP COLUMN xid;
"""


class Migration(migrations.Migration):

    dependencies = [("jobs", "0025_repeats")]

    operations = [
        migrations.RunSQL(NUMBER, FORGET),
        migrations.AddField(
            model_name="executionlease",
            name="slow_at",
            field=models.DateTimeField(help_text="When it was told that the run takes longer than usual", null=True),
        ),
    ]
