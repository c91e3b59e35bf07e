"""The rotation: a new admin session from name and password, in the four steps of Secrets Manager."""
