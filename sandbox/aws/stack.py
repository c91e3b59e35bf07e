"""The whole stack on loopback: Spaaza, S3, the other AWS services, and a wire between them and the function."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from sandbox.aws.moto import Listener, MotoAws
from sandbox.aws.seaweed import SeaweedS3
from sandbox.spaaza.server import CHAINS, SpaazaServer
from sandbox.wire.wire import Wire

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

SECRET = "spaaza-admin-session"
BUS = "spaaza-snapshots"
DATABASE = "spaaza"


@dataclass(frozen=True)
class Stack:
    """One bucket, bus, secret and database, and the servers that they live on."""

    spaaza: SpaazaServer
    seaweed: SeaweedS3
    aws: MotoAws
    wire: Wire
    s3: "S3Client"
    bucket: str
    listener: Listener

    def environment(self, chains: Sequence[int] = CHAINS) -> dict[str, str]:
        """Return the function's environment: its settings and the SDK's."""
        return {
            "SNAPSHOT_BUCKET": self.bucket,
            "SPAAZA_SECRET_ID": SECRET,
            "SPAAZA_ENVIRONMENT": "test01",
            "SPAAZA_CHAIN_IDS": ",".join(map(str, chains)),
            "SPAAZA_SERVICES_URL": self.spaaza.base_url,
            "EVENT_BUS_NAME": BUS,
            "GLUE_DATABASE": DATABASE,
            "POWERTOOLS_SERVICE_NAME": "spaaza-snapshots",
            "AWS_ENDPOINT_URL": self.wire.url("aws"),
            "AWS_ENDPOINT_URL_S3": self.wire.url("s3"),
            "AWS_ACCESS_KEY_ID": self.seaweed.access_key,
            "AWS_SECRET_ACCESS_KEY": self.seaweed.secret_key,
            "AWS_DEFAULT_REGION": self.seaweed.region,
            "AWS_REGION": self.seaweed.region,
        }

    def object_keys(self) -> list[str]:
        """Return the key of every object in the bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def open_uploads(self) -> list[str]:
        """Return the key of every upload that was neither completed nor aborted."""
        return [upload["Key"] for upload in self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())]

    def read(self, key: str) -> bytes:
        """Return the bytes of an object."""
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()


def furnish(spaaza: SpaazaServer, seaweed: SeaweedS3, aws: MotoAws, wire: Wire, s3: "S3Client", bucket: str) -> Stack:
    """Create what a deployment creates, on running servers with the bucket in place."""
    aws.create_secret(SECRET, session_secret(spaaza))
    aws.create_database(DATABASE)
    return Stack(spaaza, seaweed, aws, wire, s3, bucket, aws.create_bus(BUS))


def session_secret(spaaza: SpaazaServer) -> Mapping[str, str]:
    """Return the secret's content for the server's session."""
    return {
        "session_user_id": spaaza.session.user_id,
        "session_key": spaaza.session.key,
        "session_expires_date": "2099-12-31 23:59:59",
    }


def s3_client(seaweed: SeaweedS3) -> "S3Client":
    """Return a client that talks directly to the S3 server."""
    return boto3.client(
        "s3",
        endpoint_url=seaweed.endpoint_url,
        region_name=seaweed.region,
        aws_access_key_id=seaweed.access_key,
        aws_secret_access_key=seaweed.secret_key,
    )


def create_bucket(s3: "S3Client", bucket: str) -> None:
    """Create a versioned bucket, as the template does."""
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@contextmanager
def running_stack(bucket: str = "spaaza-snapshots", chains: Sequence[int] = CHAINS) -> Iterator[Stack]:
    """Start every server, furnish them, and stop them all."""
    with SpaazaServer() as spaaza, SeaweedS3() as seaweed, MotoAws() as aws:
        spaaza.chains = frozenset(chains)
        upstreams: dict[str, Any] = {"s3": seaweed.endpoint_url, "aws": aws.endpoint_url}
        with Wire(upstreams) as wire:
            s3 = s3_client(seaweed)
            try:
                create_bucket(s3, bucket)
                yield furnish(spaaza, seaweed, aws, wire, s3, bucket)
            finally:
                s3.close()
