"""The API's windows on consent, and what goes through them."""
