"""No cell value and no session key in anything that is written: logs, metrics, errors, events, manifests."""

import json
from collections.abc import Iterator, Mapping

import pytest

from sandbox.aws.lambda_runtime import LambdaFunction
from sandbox.aws.stack import SECRET, Stack
from sandbox.spaaza.answers import Answer, bad_crc, csv_answer, flip_byte, gzip_answer, html_answer, json_answer
from sandbox.spaaza.users import HEADER, gzipped
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from tests.support.flow import CHAIN
from tests.support.forked import forked

EXPORT = "spaaza_snapshots.export_handler.lambda_handler"
PARQUET = "spaaza_snapshots.parquet_handler.lambda_handler"
CANARY = "Wilhelmina"
REST = "," * (len(HEADER) - 2)
ROWS = f'{",".join(HEADER)}\n1,{CANARY}{REST}\n2,"{CANARY} ""{CANARY}""\n{CANARY}"{REST}\n'
CUT = ROWS + f'3,"{CANARY}'
RAGGED = ROWS + f"3,{CANARY}{REST},{CANARY}\n"
GZIP = b"".join(gzipped([ROWS.encode() * 100]))

ANSWERS: dict[str, tuple[Answer, str | None]] = {
    "a snapshot": (csv_answer(ROWS.encode()), None),
    "an open quote": (csv_answer(CUT.encode()), "ExportInterrupted"),
    "a ragged row": (csv_answer(RAGGED.encode()), "ExportInterrupted"),
    "a damaged stream": (gzip_answer(flip_byte(GZIP, len(GZIP) // 2)), "ExportInterrupted"),
    "a bad CRC": (gzip_answer(bad_crc(GZIP)), "ExportInterrupted"),
    "bytes behind": (gzip_answer(GZIP + CANARY.encode()), "ExportInterrupted"),
    "plain CSV": (gzip_answer(ROWS.encode()), "NotAnExport"),
    "rows without a header": (csv_answer(f"1,{CANARY}\n2,{CANARY}\n".encode()), "NotAnExport"),
    "rows without a header, one cell a column's name": (
        csv_answer(f"1,{CANARY},Employee\n2,{CANARY},\n".encode()),
        "NotAnExport",
    ),
    "gzip of an error": (csv_answer(f'{{"error": {{"code": 6, "name": "{CANARY}"}}}}'.encode()), "SessionExpired"),
    "an error that names somebody": (json_answer({"error": {"code": 6, "name": CANARY}}, 401), "SessionExpired"),
    "an error with a name for a code": (json_answer({"error": {"code": CANARY}}, 500), "ExportUnavailable"),
    "errors keyed by a name": (json_answer({"errors": {CANARY: {"name": CANARY}}}, 400), "ExportRejected"),
    "a page that names somebody": (html_answer(f"<h1>{CANARY}</h1>", 503), "ExportUnavailable"),
}


@pytest.fixture
def function(stack: Stack) -> Iterator[LambdaFunction]:
    with LambdaFunction(EXPORT, stack.environment(), launch=forked) as running:
        yield running


def all_that_was_written(stack: Stack, function: LambdaFunction, *said: object) -> str:
    """Return the logs, the events, what the function said, and every object but those that hold the users."""
    objects = [stack.read(key).decode() for key in stack.object_keys() if not key.startswith(("raw/", "parquet/"))]
    return "\n".join([function.log, json.dumps(stack.listener.events()), *objects, *map(repr, said)])


@pytest.mark.parametrize("name", ANSWERS)
def test_nothing_that_is_written_tells_of_a_person_or_the_session(
    stack: Stack, function: LambdaFunction, name: str
) -> None:
    answer, error_type = ANSWERS[name]
    stack.spaaza.serve(answer)
    # little time is left for waits between attempts, which are in earnest here
    invocation = function.invoke({"chain_id": CHAIN}, deadline_seconds=RESERVE_SECONDS + 6)
    assert invocation.error_type == error_type
    written = all_that_was_written(stack, function, invocation)
    assert "run_id" in written
    assert CANARY not in written
    assert stack.spaaza.session.key not in written


def test_a_secret_that_is_no_json_is_not_quoted(stack: Stack, function: LambdaFunction) -> None:
    stack.aws.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=f"not JSON: {CANARY}")
    invocation = function.invoke({"chain_id": CHAIN})
    assert invocation.error_type == "CredentialsError"
    assert CANARY not in all_that_was_written(stack, function, invocation)


# What an operator can turn up without touching the code: Lambda's own log settings, and Powertools' variables.
LAMBDA_DEBUG = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
POWERTOOLS_DEBUG = {
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "POWERTOOLS_LOGGER_LOG_EVENT": "true",
    "POWERTOOLS_DEV": "true",
    "POWERTOOLS_DEBUG": "true",
}
SWITCHES: Mapping[str, Mapping[str, str]] = {
    "Lambda's DEBUG": LAMBDA_DEBUG,
    "Lambda's TRACE": LAMBDA_DEBUG | {"AWS_LAMBDA_LOG_LEVEL": "TRACE"},
    "Lambda's DEBUG as text": LAMBDA_DEBUG | {"AWS_LAMBDA_LOG_FORMAT": "Text"},
    "Powertools' DEBUG": POWERTOOLS_DEBUG,
    "every switch": LAMBDA_DEBUG | POWERTOOLS_DEBUG,
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
@pytest.mark.parametrize("handler", [EXPORT, PARQUET])
def test_no_log_switch_of_an_operator_shows_a_person_or_a_credential(
    stack: Stack, function: LambdaFunction, handler: str, switches: Mapping[str, str]
) -> None:
    stack.spaaza.serve(csv_answer(ROWS.encode()))
    event = {"chain_id": CHAIN}
    if handler == PARQUET:
        event |= {"date": function.invoke({"chain_id": CHAIN}).payload["snapshot_date"]}
    with LambdaFunction(handler, {**stack.environment(), **switches}, memory_mb=1024, launch=forked) as debugged:
        invocation = debugged.invoke(event)
        written = all_that_was_written(stack, debugged, invocation)
    assert invocation.payload["status"] == "complete"
    assert "run_id" in written
    assert CANARY not in written
    assert stack.spaaza.session.key not in written
    assert "AWS4-HMAC-SHA256" not in written  # a signature, and beside it the token of the role
