"""Every version of every object of a bucket, as it was when it was first seen, and what it says about itself."""

import csv
import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

import duckdb

from sandbox.aws.stack import Stack
from spaaza_snapshots.model import keys


@dataclass(frozen=True)
class Content:
    """What a raw object holds; `csv_sha256` is None if it does not inflate to its end."""

    sha256: str
    gzip_bytes: int
    csv_sha256: str | None
    csv_bytes: int
    rows: int


@dataclass(frozen=True)
class Version:
    """One version of an object: of a raw object its content, of a JSON object its document, of a typed copy its ids."""

    key: str
    version_id: str
    etag: str
    metadata: Mapping[str, str]
    content: Content | None = None
    document: Mapping[str, Any] | None = None
    text: str = ""
    ids: tuple[int, ...] = ()

    @property
    def run_id(self) -> str:
        """The run that it is of."""
        return str(self.document["run_id"]) if self.document else self.metadata.get("run-id", "")

    @property
    def chain_id(self) -> int:
        """The chain in its key."""
        return int(self.key.partition("chain_id=")[2].partition("/")[0])

    @property
    def day(self) -> date:
        """The date in its key."""
        found = keys.date_of(self.key)
        assert found is not None
        return found

    @property
    def is_doubtful(self) -> bool:
        """Whether it is a manifest or a draft with a required check that failed."""
        checks = self.document["checks"] if self.document else ()
        return any(check["required"] and not check["passed"] for check in checks)


class Ledger:
    """Remembers what was there; `now` is what is current, by key, and `there` every version that still exists."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.ever: dict[tuple[str, str], Version] = {}
        self.now: dict[str, Version] = {}
        self.there: set[tuple[str, str]] = set()

    def look(self) -> list[Version]:
        """Look again; return the versions that are new."""
        self.now, self.there, new = {}, set(), []
        pages = self._stack.s3.get_paginator("list_object_versions").paginate(Bucket=self._stack.bucket)
        for found in (found for page in pages for found in page.get("Versions", ())):
            name = (found["Key"], found["VersionId"])
            if name not in self.ever:
                self.ever[name] = self._read(*name)
                new.append(self.ever[name])
            self.there.add(name)
            if found["IsLatest"]:
                self.now[found["Key"]] = self.ever[name]
        return new

    def below(self, root: str) -> list[Version]:
        """Return what is current below a root."""
        return [version for key, version in self.now.items() if key.startswith(root)]

    def ever_below(self, root: str) -> list[Version]:
        """Return every version there ever was below a root."""
        return [version for (key, _), version in self.ever.items() if key.startswith(root)]

    def erased(self) -> set[tuple[str, str]]:
        """Return what the records of erasures name: key and version."""
        records = [version.document for version in self.below(keys.ERASURES_ROOT) if version.document]
        return {(gone["key"], gone["version_id"]) for record in records for gone in record["versions"]}

    def _read(self, key: str, version_id: str) -> Version:
        answer = self._stack.s3.get_object(Bucket=self._stack.bucket, Key=key, VersionId=version_id)
        body, etag, metadata = answer["Body"].read(), answer["ETag"], answer["Metadata"]
        if key.startswith(keys.RAW_ROOT):
            return Version(key, version_id, etag, metadata, content=_content(body))
        if key.startswith(keys.PARQUET_ROOT):
            return Version(key, version_id, etag, metadata, ids=_ids(body))
        text = body.decode()
        return Version(key, version_id, etag, metadata, document=json.loads(text), text=text)


def _content(body: bytes) -> Content:
    digest = sha256(body).hexdigest()
    try:
        csv_bytes = gzip.decompress(body)
    except (OSError, EOFError, zlib.error):
        return Content(digest, len(body), None, 0, 0)
    text = io.StringIO(csv_bytes.decode("utf-8", "replace"), newline="")
    rows = sum(1 for record in csv.reader(text) if record) - 1
    return Content(digest, len(body), sha256(csv_bytes).hexdigest(), len(csv_bytes), rows)


def _ids(parquet: bytes) -> tuple[int, ...]:
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as database:
        file.write(parquet)
        file.flush()
        return tuple(number for (number,) in database.execute(f"SELECT id FROM '{file.name}'").fetchall())
