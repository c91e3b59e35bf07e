"""The vendor: the session, the export, its stream."""
