"""What people do for the snapshots that are stored: look at them, prove them, erase a person, find what is wrong."""
