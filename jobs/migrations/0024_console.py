from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0023_paused_queues")]

    operations = []
