from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("templates_registry", "0003_runs")]

    operations = []
