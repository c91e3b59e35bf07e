"""How AWS is called: how long a call may take, and how often it is tried."""

from botocore.config import Config

SDK_CONFIG = Config(
    # Three tries of at most 11 s and the waits between them: one call that fails slowly stays within the reserve of the
    # function's time (clock.py). Whatever lasts longer is for the next hour's run.
    connect_timeout=3,
    read_timeout=8,
    retries={"mode": "standard", "total_max_attempts": 3},
    # Parts carry a CRC that S3 verifies, over TLS: hashing each of them once more would only cost CPU.
    s3={"payload_signing_enabled": False},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

COMPLETE_SDK_CONFIG = SDK_CONFIG.merge(Config(read_timeout=60))
"""For CompleteMultipartUpload, which "can take several minutes": to give up on it is to give up a proven export.

Where the function's time ends meanwhile, the next run finds the record under `pending/` and settles what S3 has done:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

PARQUET_SDK_CONFIG = SDK_CONFIG.merge(Config(connect_timeout=10, read_timeout=60))
"""For the conversion, whose calls do not live in the export's reserve: S3 may take its time with a large object."""
