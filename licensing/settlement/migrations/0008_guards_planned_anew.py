"""The guards of settled time plan their one look at each call, for the tables as they are by then.

A plan that a session keeps may have been made when they were empty, and then read all of them for
each of their rows.
"""

from django.db import migrations

FUNCTIONS = ("settlement_guard_terms()", "settlement_guard_ownership()")


class Migration(migrations.Migration):
    dependencies = [("settlement", "0007_reversal_guards")]

    operations = [
        migrations.RunSQL(
            "".join(
                f"ALTER FUNCTION {each} SET plan_cache_mode = force_custom_plan;"
                for each in FUNCTIONS
            ),
            "".join(f"ALTER FUNCTION {each} RESET plan_cache_mode;" for each in FUNCTIONS),
        ),
    ]
