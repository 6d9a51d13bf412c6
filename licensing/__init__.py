"""Who owns, who consents, what was made, and who earns from it."""
