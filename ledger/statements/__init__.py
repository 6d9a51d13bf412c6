"""Statements of account, issued once."""
