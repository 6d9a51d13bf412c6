"""Django's way to PostgreSQL, counted by Prometheus, with a cheaper look at whether it holds."""
