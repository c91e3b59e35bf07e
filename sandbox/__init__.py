"""Spaaza and AWS on loopback: what `make run` and the tests run against. Never part of the deployed package."""
