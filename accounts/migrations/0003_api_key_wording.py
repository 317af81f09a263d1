from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_default_tenant")]

    operations = [
        migrations.AlterModelOptions(
            name="apikey", options={"ordering": ["-created_at"], "verbose_name": "API key"}
        ),
    ]
