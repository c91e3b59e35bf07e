"""Proves that an export is complete: gzip, CSV, and the checks on both."""
