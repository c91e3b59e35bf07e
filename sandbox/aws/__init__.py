"""AWS on loopback: S3, the other services, the Lambda runtime, and the stack made of them."""
