"""Double-entry books, statements and payouts. Knows nothing of licensing."""
