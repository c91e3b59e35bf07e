"""The assumptions about S3, tested on a real bucket or on the test server."""
