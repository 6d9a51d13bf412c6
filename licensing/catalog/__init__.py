"""Rights holders, platforms, properties, subjects and who owns which share."""
