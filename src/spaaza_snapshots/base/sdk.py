"""How AWS is called: timeouts and retries."""

from botocore.config import Config

SDK_CONFIG = Config(
    # Three tries of at most 11 s, plus the waits between them: even a call that fails slowly stays within the reserve
    # of the function's time (clock.py). A longer outage is left to the next hour's run.
    connect_timeout=3,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Parts carry a CRC that S3 verifies, over TLS: hashing them again would only cost CPU.
    s3={"payload_signing_enabled": False},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

COMPLETE_SDK_CONFIG = SDK_CONFIG.merge(Config(read_timeout=60))
"""For CompleteMultipartUpload, which "can take several minutes": giving up on it gives up a proven export.

If the function times out meanwhile, the next run finds the draft under `pending/` and resolves what S3 has done:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

PARQUET_SDK_CONFIG = SDK_CONFIG.merge(Config(connect_timeout=10, read_timeout=60))
"""For the conversion, whose calls need not fit the export's reserve: S3 may take longer for a large object."""
