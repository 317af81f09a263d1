from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0018_scheduler_events")]

    operations = []
