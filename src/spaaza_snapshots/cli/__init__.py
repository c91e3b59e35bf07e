"""The `spaaza-snapshots` command."""
