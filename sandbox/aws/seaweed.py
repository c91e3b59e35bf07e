"""A real S3 server on loopback: it verifies signatures and checksums, and writes real bytes."""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from sandbox.aws import processes

SEAWEED_PORT = "SEAWEED_PORT"
"""The environment variable with the port of a server that runs already, for processes that share one."""

START_ATTEMPTS = 3  # somebody else may take a port before the server listens on it
START_SECONDS = 60  # takes 3 s on an idle machine
STOP_SECONDS = 1  # it ignores SIGTERM for more than 15 s, and its data is not kept
_POLL_SECONDS = 0.05
_LOG_TAIL_CHARACTERS = 2_000


class _PortTaken(RuntimeError):
    pass


class SeaweedS3:
    """SeaweedFS on free ports of 127.0.0.1, with its data in a temporary directory; use it in a `with`.

    Buckets must be created, and requests signed with `access_key` and `secret_key`. It differs from S3 in three points:
    it does not verify `MpuObjectSize` and `ExpectedBucketOwner`, a second `Complete` is not an error, and of two
    Completes at the same instant both may meet `If-None-Match: *` (one pair in fifteen), as if neither was there.
    """

    access_key = "loopback-only"
    secret_key = "loopback-only-secret"
    region = "eu-west-1"

    def __init__(self, running_at_port: int | None = None, *, cores: int | None = None) -> None:
        """Start nothing yet, and nothing at all if a server of ours runs at this port already.

        With one of the `cores`, a small call takes a quarter less CPU; the default is all of them.
        """
        self._cores = {} if cores is None else {"GOMAXPROCS": str(cores)}
        self._stack = ExitStack()
        self._ports = [] if running_at_port is None else [running_at_port]

    @property
    def endpoint_url(self) -> str:
        """Address of the S3 API."""
        return f"http://127.0.0.1:{self._ports[0]}"

    def __enter__(self) -> Self:
        """Start the server and return once it answers; raises RuntimeError with the end of its log if it does not."""
        if self._ports:
            return self
        for _ in range(START_ATTEMPTS - 1):
            with suppress(_PortTaken):
                return self._started()
        return self._started()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server and remove its data."""
        self._stack.close()

    def _started(self) -> Self:
        self._ports = processes.free_ports(8)
        with ExitStack() as stack:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="seaweed-", ignore_cleanup_errors=True)))
            log = directory / "weed.log"
            process = self._start(directory, log)
            stack.callback(self._remove_sockets)
            stack.callback(processes.stop, process, grace_seconds=STOP_SECONDS)
            self._wait_until_ready(process, log)
            self._stack = stack.pop_all()
        return self

    def _start(self, directory: Path, log: Path) -> subprocess.Popen[bytes]:
        (directory / "data").mkdir()
        (directory / "s3.json").write_text(json.dumps(self._identities()), encoding="utf-8")
        environment = {
            "PATH": os.defpath,
            "HOME": str(directory),
            "WEED_S3_SSE_KEY": "loopback-only",  # without it, every put with AES256 is a 500
            "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",  # volumes per bucket; 7 would soon use up the slots below
            **self._cores,
        }
        weed = Path(sys.executable).parent / "weed"
        return processes.start(
            [str(weed), *self._arguments(directory)], environment=environment, cwd=directory, log=log
        )

    def _arguments(self, directory: Path) -> list[str]:
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self._ports
        return [
            *("-logtostderr=true", "server", f"-dir={directory / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            *(f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false"),
            *("-master.volumeSizeLimitMB=128", "-volume.max=1000", "-volume.preStopSeconds=0"),
            *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}"),
            *(f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", f"-filer.localSocket={directory / 'filer'}"),
            *("-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", f"-s3.localSocket={directory / 's3'}"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false"),
            *("-s3.autoCreateBucket=false", f"-s3.config={directory / 's3.json'}"),
        ]

    def _identities(self) -> dict[str, object]:
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {"identities": [{"name": "sandbox", "credentials": credentials, "actions": actions}]}

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> None:
        give_up_at = time.monotonic() + START_SECONDS
        while self._status() != 403:  # an unsigned request is refused: the gateway is up and has its identities
            if process.poll() is not None or time.monotonic() > give_up_at:
                tail = log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL_CHARACTERS:]
                failure = _PortTaken if "address already in use" in tail else RuntimeError
                raise failure(f"SeaweedFS did not start (exit code {process.poll()}). Its log ends:\n{tail}")
            time.sleep(_POLL_SECONDS)

    def _remove_sockets(self) -> None:
        # SeaweedFS makes one per gRPC port, always in /tmp, and leaves it there.
        for port in self._ports:
            for socket in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                socket.unlink(missing_ok=True)

    def _status(self) -> int | None:
        connection = HTTPConnection("127.0.0.1", self._ports[0], timeout=1)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
