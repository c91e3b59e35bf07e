"""What is timed: each client in a process of its own, started with `-m`; those in `peers.py` never see our package."""
