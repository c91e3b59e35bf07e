"""A stored snapshot tampered with in every way known."""
