"""Payout batches: prepared by one, approved by another, paid once."""
