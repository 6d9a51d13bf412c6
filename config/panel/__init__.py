"""The admin panel's home page, navigation and look."""
