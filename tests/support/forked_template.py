"""What the Python that functions are forked from imports, and finds out for all of them.

It does not have the environment variables of a function yet. What reads some as it is imported must wait for the fork:
the product, Powertools and the runtime client.
"""

import atexit
import gc

import boto3
import duckdb  # noqa: F401 - for the conversion
import isal.isal_zlib  # noqa: F401 - this and the others for the export
import jmespath  # type: ignore[import-untyped] # noqa: F401 - carries no types
import pytest
import tenacity  # noqa: F401
import urllib3  # noqa: F401

from tests.support.sdk import find_out_once

find_out_once(pytest.MonkeyPatch())
for service in ("events", "glue", "s3", "secretsmanager"):
    boto3.Session("nobody", "nothing", region_name="eu-west-1").client(service).close()
gc.freeze()  # no fork looks for garbage here
atexit.register(gc.unfreeze)  # a C extension would call it leaked
