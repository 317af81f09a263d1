from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("jobs", "0023_paused_queues")]

    operations = [
        migrations.AddField(
            model_name="bulkchange",
            name="taken_at",
            field=models.DateTimeField(help_text="When a request last took some on", null=True),
        ),
    ]
