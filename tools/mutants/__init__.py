"""Mutation testing of what proves, commits and converts (`make mutants`)."""
