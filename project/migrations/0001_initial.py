"""The beat lease."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Create the table of the lease."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BeatLease",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False, verbose_name="name")),
                ("holder", models.CharField(max_length=120, verbose_name="holder")),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                ("last_tick_at", models.DateTimeField(verbose_name="last tick")),
            ],
            options={
                "verbose_name": "beat lease",
                "verbose_name_plural": "beat leases",
            },
        ),
    ]
