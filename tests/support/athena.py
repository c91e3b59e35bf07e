"""The tables as Athena knows them after the first snapshot, without AWS."""

from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.trino.gate import Gate
from sandbox.athena.warehouse import Schema
from spaaza_snapshots.glue.tables import MANIFEST_COLUMNS, QUALITY_COLUMNS, SNAPSHOTS, USERS, USERS_CSV, USERS_QUALITY
from spaaza_snapshots.model.columns import CAST_ERRORS, KNOWN, PARTITION_KEYS

_TYPES = dict(KNOWN.values())
_KEYS = dict.fromkeys(PARTITION_KEYS, "string")


def tables() -> Schema:
    """Return the four tables with the documented columns."""
    return {
        USERS.name: {**_TYPES, CAST_ERRORS: "string", **_KEYS},
        USERS_CSV.name: {**dict.fromkeys(_TYPES, "string"), **_KEYS},
        SNAPSHOTS.name: {**MANIFEST_COLUMNS, **_KEYS},
        USERS_QUALITY.name: {**QUALITY_COLUMNS, **_KEYS},
    }


def gate() -> Gate:
    """Return a gate that knows these tables and the views of athena/."""
    opened = Gate(tables())
    for query in saved_queries():
        if query.is_view:
            opened.admit(query.sql)
    return opened
