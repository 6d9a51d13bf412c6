"""How consent reads on a page."""
