"""What a client of the SDK was configured with."""

from typing import Any

from botocore.config import Config


def read_timeout_seconds(config: Config) -> float:
    """Return how long an answer is waited for; botocore's stub leaves out what a `Config` was given."""
    given: Any = config
    seconds: float = given.read_timeout
    return seconds
