"""The contract of the events: what is put on a bus here must be exactly what `events/schemas` promises."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SOURCE = "spaaza.snapshots"
SCHEMAS = Path(__file__).resolve().parents[2] / "events" / "schemas"

Schema = Mapping[str, Any]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class BrokenContract(Exception):
    """An event was put on a bus that its schema does not allow."""


@cache
def schemas() -> Mapping[str, Schema]:
    """Return the published schema of each event, as EventBridge delivers it, by its detail-type."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(SCHEMAS.glob("*.json"))]
    return {schema["properties"]["detail-type"]["const"]: schema for schema in read}


def closed(schema: Any) -> Any:
    """Return a schema that refuses every field which it does not name.

    The published schemas let unknown fields pass, so that a consumer who validates with today's schema takes tomorrow's
    events. Whoever sends them has no such freedom: a field that is not in the schema is one that nobody was told of.
    """
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    described = {key: closed(value) for key, value in schema.items()}
    is_object = "object" in schema.get("type", ()) and "properties" in schema
    return described | {"additionalProperties": False} if is_object else described


def objections(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with an entry of PutEvents; nothing, if it is not an event of this product."""
    if entry.get("Source") != SOURCE:
        return
    kind = entry.get("DetailType", "")
    if kind not in schemas():
        yield f"{kind!r} has no schema in events/schemas"
        return
    for error in _validator(kind).iter_errors(json.loads(entry["Detail"])):
        yield f"{kind!r} {error.json_path}: {error.message}"


@cache
def _validator(kind: str) -> Draft202012Validator:
    detail = closed(schemas()[kind]["properties"]["detail"])
    return Draft202012Validator(detail, format_checker=FormatChecker())


class WatchedBus:
    """A WSGI application that notes each event put through it which breaks the contract, and changes nothing."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._broken: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Judge a PutEvents, and pass every request on."""
        if environ.get("HTTP_X_AMZ_TARGET") == "AWSEvents.PutEvents":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = BytesIO(body)
            for entry in json.loads(body)["Entries"]:
                self._broken += objections(entry)
        return self._application(environ, start_response)

    def settle(self) -> None:
        """Forget what was noted; raises `BrokenContract` if there was anything."""
        broken, self._broken = self._broken, []
        if broken:
            raise BrokenContract("; ".join(broken))
