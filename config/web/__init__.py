"""The web's conventions: problems, strict JSON, idempotency, limits, health."""
