"""The saved queries, and DuckDB in the place of Athena."""
