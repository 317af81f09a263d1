from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0015_run_context")]

    operations: list[object] = []
