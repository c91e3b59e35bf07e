"""What every room stands on: time, log and metrics, the errors of AWS, JSON that has types."""
