from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_triggers")]

    operations = [
        migrations.AlterModelOptions(
            name="job",
            options={
                "ordering": ["name"],
                "permissions": [("run_sub_minute", "Can schedule jobs more often than their template allows")],
            },
        ),
    ]
