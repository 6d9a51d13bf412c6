"""What the ledger adds to templates."""
