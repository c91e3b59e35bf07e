"""The tables that Athena queries."""
