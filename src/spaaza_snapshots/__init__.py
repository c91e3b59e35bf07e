"""Daily, complete, provable snapshots of a retailer's Spaaza users in S3."""

__version__ = "1.0.0"
