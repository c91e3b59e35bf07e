"""From a request to a committed snapshot."""
