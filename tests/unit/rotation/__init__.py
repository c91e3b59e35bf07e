"""The rotation of the session."""
