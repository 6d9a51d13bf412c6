"""Consent rules, decisions and receipts."""
