from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('templates_registry', '0002_task_functions'),
    ]

    operations = [
        migrations.AddField(
            model_name='templateversion',
            name='requires_approval',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
