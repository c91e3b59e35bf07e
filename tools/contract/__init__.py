"""What is assumed of S3, tried on a real bucket or on the one of the tests."""
