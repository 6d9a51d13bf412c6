"""The guards of settled time find what is settled by its indexes, whatever the planner believes.

Each looks at a few rows of large tables. A plan that a session keeps may have been made when they
were empty, and a vacuum that sees no row yet, because the transaction that writes them is still
open, leaves the same belief: then all of a table would be read for each row of another.
"""

from django.db import migrations

FUNCTIONS = ("settlement_guard_terms()", "settlement_guard_ownership()")
SETTINGS = {"plan_cache_mode": "force_custom_plan", "enable_seqscan": "off"}


class Migration(migrations.Migration):
    dependencies = [("settlement", "0007_reversal_guards")]

    operations = [
        migrations.RunSQL(
            "".join(
                f"ALTER FUNCTION {guard} SET {name} = {value};"
                for guard in FUNCTIONS
                for name, value in SETTINGS.items()
            ),
            "".join(
                f"ALTER FUNCTION {guard} RESET {name};" for guard in FUNCTIONS for name in SETTINGS
            ),
        ),
    ]
