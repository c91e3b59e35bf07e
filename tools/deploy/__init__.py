"""`make deploy`: checks everything at once, writes the environment into samconfig.toml, then lets SAM deploy it."""
