"""The command `spaaza-snapshots`, for people."""
