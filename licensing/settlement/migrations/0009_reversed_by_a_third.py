"""Whoever approved a run does not take it back either: a third person stands behind that.

Not asked of runs that were reversed before, which stay as they are.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations
from django.db.models import CheckConstraint, F, Q


class Migration(migrations.Migration):
    dependencies = [("settlement", "0008_guards_planned_anew")]

    operations = [
        AddConstraintNotValid(
            model_name="run",
            constraint=CheckConstraint(
                condition=Q(reversed_by=None) | ~Q(reversed_by=F("approved_by")),
                name="run_reversed_by_a_third",
            ),
        ),
    ]
