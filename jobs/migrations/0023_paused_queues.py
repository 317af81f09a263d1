from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("jobs", "0022_saved_views")]

    operations = [
        migrations.CreateModel(
            name="PausedQueue",
            fields=[
                ("queue", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("paused_at", models.DateTimeField()),
                ("paused_by", models.CharField(max_length=200)),
                ("note", models.CharField(max_length=500)),
            ],
            options={"db_table": "paused_queues", "ordering": ["queue"]},
        ),
    ]
