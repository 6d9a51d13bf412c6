"""What decides: pure, deterministic and total. No Django, no database, no clock."""
