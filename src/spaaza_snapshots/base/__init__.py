"""What every package builds on: time, logs and metrics, AWS errors, typed JSON."""
