from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("jobs", "0022_saved_views")]

    operations = []
