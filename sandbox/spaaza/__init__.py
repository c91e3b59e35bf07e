"""A Spaaza on loopback."""
