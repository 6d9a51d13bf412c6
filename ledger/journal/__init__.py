"""Parties, books, accounts, periods and the journal: the one way in for money."""
