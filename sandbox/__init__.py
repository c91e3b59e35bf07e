"""Spaaza and AWS on loopback: what `make run` and the tests run against. Not part of the deployed package."""
