"""What can go wrong with a run in a warm process: each path out of the function that is not the good one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.aws.stack import Stack
from sandbox.spaaza.answers import (
    Answer,
    bad_crc,
    generated_users,
    gzip_answer,
    html_answer,
    json_answer,
    redirect,
    refusal,
    trailing_bytes,
)
from sandbox.wire import faults

USERS: Final = 60
SHORT_SECONDS: Final = 46.5
"""Hardly more than the reserve: a run that fails has no time for another attempt."""


def users(count: int = USERS) -> Answer:
    """Return a sound export that is made before it is asked for."""
    made = generated_users(count)
    assert callable(made.body)
    return replace(made, body=b"".join(made.body()))


SOUND: Final = users()
BODY: Final = SOUND.body if isinstance(SOUND.body, bytes) else b""
HALF: Final = len(BODY) // 2


@dataclass(frozen=True)
class Trouble:
    """How one run is spoilt: `usual` answers of Spaaza, a call of AWS that fails, or an event; and its time."""

    name: str
    usual: Answer = SOUND
    once: Answer | None = None
    operation: str = ""
    fault: faults.Fault = faults.drop_request
    times: int = 3
    event: Mapping[str, Any] | None = None
    seconds: float = 900.0

    def prepare(self, stack: Stack) -> None:
        """Let it happen to the next run."""
        stack.spaaza.serve(self.usual)
        if self.once is not None:
            stack.spaaza.script(self.once)
        if self.operation:
            stack.wire.fail(self.operation, self.fault, times=self.times)


UNABORTED: Final = "cut off, and the abort refused"
INTERNAL: Final = faults.error(500, "InternalError")
SLOW_DOWN: Final = faults.error(503, "SlowDown")

TROUBLES: Final = (
    Trouble("session refused", refusal(401, 6)),
    Trouble("export cut off", replace(SOUND, cut_after_bytes=HALF), seconds=SHORT_SECONDS),
    Trouble("export reset", replace(SOUND, reset_after_bytes=HALF), seconds=SHORT_SECONDS),
    Trouble("half an export, ended properly", replace(SOUND, clean_end_after_bytes=HALF), seconds=SHORT_SECONDS),
    Trouble("export stalled", replace(SOUND, stall_after_bytes=HALF, stall_seconds=3), seconds=SHORT_SECONDS),
    Trouble("export dripping", replace(SOUND, chunk_bytes=64, bytes_per_second=1_000), seconds=SHORT_SECONDS),
    Trouble("export cut off once", once=replace(SOUND, cut_after_bytes=HALF)),
    Trouble("wrong CRC", gzip_answer(bad_crc(BODY)), seconds=SHORT_SECONDS),
    Trouble("bytes behind the end", gzip_answer(trailing_bytes(BODY)), seconds=SHORT_SECONDS),
    Trouble("a web page", html_answer("<h1>Maintenance</h1>")),
    Trouble("JSON with status 200", json_answer({"result": {"code": 2}})),
    Trouble("a redirect", redirect("http://127.0.0.1:9/elsewhere")),
    Trouble("Spaaza busy for an hour", refusal(429, headers={"Retry-After": "3600"})),
    Trouble("too few users, held", users(USERS // 2)),
    Trouble("S3 500 at a part", operation="UploadPart", fault=INTERNAL),
    Trouble("S3 503 at Create", operation="CreateMultipartUpload", fault=SLOW_DOWN),
    Trouble("S3 503 at the draft", operation="PutObject", fault=SLOW_DOWN),
    Trouble("no answer to Complete", operation="CompleteMultipartUpload", fault=faults.lose_answer, times=1),
    Trouble("no answer to a part, once", operation="UploadPart", times=1),
    Trouble(UNABORTED, replace(SOUND, cut_after_bytes=HALF), operation="AbortMultipartUpload", seconds=SHORT_SECONDS),
    Trouble("secret refused", operation="GetSecretValue", fault=faults.error(400, "AccessDeniedException"), times=9),
    Trouble("Glue refused", operation="GetTable", fault=faults.error(400, "AccessDeniedException")),
    Trouble("a chain that is text", event={"chain_id": "1743"}),
    Trouble("an unknown key", event={"chains": [1743]}),
    Trouble("a chain that is not ours", event={"chain_id": 1}),
)
NO_TROUBLE: Final = Trouble("none")
