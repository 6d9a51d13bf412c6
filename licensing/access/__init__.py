"""Organisations, people, roles, API keys and the audit trail."""
