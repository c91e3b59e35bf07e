"""From a committed snapshot to its typed copy."""
