"""Tell which AWS operation an HTTP request is."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.wire.proxy import HttpRequest

# The service is the second to last part of the scope: `Credential=AK/20261122/eu-west-1/s3/aws4_request`.
_CREDENTIAL = re.compile(r"Credential=[^,]*/([^/,]+)/aws4_request")

_OBJECT_OPERATIONS = {
    ("POST", "uploads"): "CreateMultipartUpload",
    ("PUT", "uploadId"): "UploadPart",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListParts",
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
    ("PUT", ""): "PutObject",
    ("GET", ""): "GetObject",
    ("HEAD", ""): "HeadObject",
    ("DELETE", ""): "DeleteObject",
}
_BUCKET_OPERATIONS = {
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "versions"): "ListObjectVersions",
    ("GET", "location"): "GetBucketLocation",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("GET", "publicAccessBlock"): "GetPublicAccessBlock",
    ("GET", "versioning"): "GetBucketVersioning",
    ("GET", "encryption"): "GetBucketEncryption",
    ("GET", "lifecycle"): "GetBucketLifecycleConfiguration",
    ("POST", "delete"): "DeleteObjects",
    ("PUT", ""): "CreateBucket",
    ("HEAD", ""): "HeadBucket",
    ("DELETE", ""): "DeleteBucket",
}
_NAMING = ("SecretId", "Name", "TableName", "WorkGroup")  # what a JSON call is about

_REST_OPERATIONS = (
    ("lambda", "GET", r"/2015-03-31/functions/[^/]+", "GetFunction"),
    ("lambda", "GET", r"/2019-09-25/functions/[^/]+/event-invoke-config", "GetFunctionEventInvokeConfig"),
    ("lambda", "GET", r"/2016-08-19/account-settings", "GetAccountSettings"),
    ("scheduler", "GET", r"/schedules", "ListSchedules"),
    ("scheduler", "GET", r"/schedules/[^/]+", "GetSchedule"),
    ("lakeformation", "POST", r"/GetDataLakeSettings", "GetDataLakeSettings"),
)


@dataclass(frozen=True)
class Operation:
    """A call: its service, its operation, and what it is about (for S3, the key)."""

    service: str
    name: str
    detail: str


def operation_of(request: HttpRequest) -> Operation:
    """Name the operation; one that is missing from the tables is named by method and query or path, as "GET acl"."""
    scope = _CREDENTIAL.search(request.headers.get("Authorization", ""))
    service = scope.group(1) if scope else ""
    target = request.headers.get("X-Amz-Target")
    if target:
        name = target.rpartition(".")[2]
        return Operation(service, name, _json_detail(json.loads(request.body or b"{}")))
    if request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs((request.body or b"").decode())  # the query protocol: CloudFormation, SNS
        return Operation(service, form.get("Action", [""])[0], "")
    return _s3_operation(request) if service in ("", "s3") else _rest_operation(service, request)


def _rest_operation(service: str, request: HttpRequest) -> Operation:
    path = unquote(urlsplit(request.target).path).rstrip("/")
    for of_service, method, pattern, name in _REST_OPERATIONS:
        if (of_service, method) == (service, request.method) and re.fullmatch(pattern, path):
            return Operation(service, name, path)
    return Operation(service, f"{request.method} {path}", path)


def _s3_operation(request: HttpRequest) -> Operation:
    url = urlsplit(request.target)
    _, _, key = unquote(url.path).removeprefix("/").partition("/")
    table = _OBJECT_OPERATIONS if key else _BUCKET_OPERATIONS
    query = parse_qs(url.query, keep_blank_values=True)
    markers = [name for (method, name) in table if method == request.method and name in query]
    marker = markers[0] if markers else ""
    if request.method == "PUT" and "x-amz-copy-source" in request.headers:
        return Operation("s3", "UploadPartCopy" if marker else "CopyObject", key)
    name = table.get((request.method, marker), f"{request.method} {url.query}".strip())
    return Operation("s3", name, key)


def _json_detail(asked: dict[str, Any]) -> str:
    if "Entries" in asked:
        return ",".join(str(entry.get("DetailType", "")) for entry in asked["Entries"])
    named = asked.get("TableInput", asked.get("DatabaseInput", asked))
    return str(next((named[name] for name in _NAMING if named.get(name)), ""))
