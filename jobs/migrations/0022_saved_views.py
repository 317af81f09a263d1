from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0021_job_drafts")]

    operations = []
