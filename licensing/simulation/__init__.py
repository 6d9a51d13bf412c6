"""What a draft would change: recorded requests decided again, before it is published."""
