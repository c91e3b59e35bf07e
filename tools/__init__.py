"""What developers start: demonstrations, benchmarks, builds, generated tables."""
