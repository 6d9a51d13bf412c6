"""The rights holder's pages."""
