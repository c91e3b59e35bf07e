"""The wire between a function and AWS, where calls can be broken."""
