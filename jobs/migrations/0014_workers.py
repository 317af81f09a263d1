from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0013_idempotency")]

    operations: list[object] = []
