import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("accounts", "0007_limits")]

    operations = [
        migrations.CreateModel(
            name="DataKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=20)),
                ("key_id", models.CharField(help_text="The key of the provider that wraps it", max_length=300)),
                ("wrapped", models.TextField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("retired_at", models.DateTimeField(help_text="From then on it only opens what it has sealed", null=True)),
                ("is_taking_over", models.BooleanField(db_default=False, default=False, help_text="A rotation has not ended that moves secrets to it")),
                ("tenant", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.tenant")),
            ],
            options={
                "db_table": "data_keys",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("retired_at", None)), fields=("tenant",), name="one_active_data_key_per_tenant"
                    )
                ],
            },
        ),
    ]
