"""What Trino, and so Athena, refuses and DuckDB would answer."""
