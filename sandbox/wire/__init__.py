"""The wire between a function and AWS, on which calls can be broken."""
