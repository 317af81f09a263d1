from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0014_workers")]

    operations: list[object] = []
