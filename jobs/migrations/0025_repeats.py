from django.db import migrations

# Runs that repeat another one, asked for by people and programs: few among all that have a parent.
CREATE = """
CREATE INDEX executions_that_repeat ON job_executions (parent_id)
    WHERE parent_id IS NOT NULL AND trigger IN ('replay', 'manual', 'api')
"""


class Migration(migrations.Migration):

    dependencies = [("jobs", "0024_bulk_change_taken_at")]

    operations = [migrations.RunSQL(CREATE, "DROP INDEX executions_that_repeat")]
