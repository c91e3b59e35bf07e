"""`make sql`: does Athena run this query? Answered in a second, by the tables as documented, without running it."""

import argparse
import sys
from collections.abc import Sequence

from sandbox.athena.saved_queries import saved_queries
from sandbox.athena.trino.gate import Gate
from sandbox.athena.trino.refusal import NotPlayed, Refused
from sandbox.athena.warehouse import Schema
from spaaza_snapshots.glue.tables import MANIFEST_COLUMNS, QUALITY_COLUMNS, SNAPSHOTS, USERS, USERS_CSV, USERS_QUALITY
from spaaza_snapshots.model.columns import CAST_ERRORS, KNOWN, PARTITION_KEYS


def documented_tables() -> Schema:
    """Return the four tables as they are in Glue after a first export with the documented columns."""
    types, keys = dict(KNOWN.values()), dict.fromkeys(PARTITION_KEYS, "string")
    return {
        USERS.name: {**types, CAST_ERRORS: "string", **keys},
        USERS_CSV.name: {**dict.fromkeys(types, "string"), **keys},
        SNAPSHOTS.name: {**MANIFEST_COLUMNS, **keys},
        USERS_QUALITY.name: {**QUALITY_COLUMNS, **keys},
    }


def documented_gate() -> Gate:
    """Return a gate that knows these tables and the views of athena/."""
    gate = Gate(documented_tables())
    for query in saved_queries():
        if query.is_view:
            gate.admit(query.sql)
    return gate


def main(arguments: Sequence[str] | None = None) -> int:
    """Say of each query whether Athena runs it; without one, of all saved queries. 1 if one is refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sql", nargs="*", help="queries in Athena's SQL")
    given = parser.parse_args(arguments).sql
    asked = {sql: sql for sql in given} or {query.name: query.sql for query in saved_queries()}
    gate = documented_gate()
    answers = {name: _refusal(gate, sql) for name, sql in asked.items()}
    for name, refusal in answers.items():
        print(refusal or f"Athena runs {name}")
    return 1 if any(answers.values()) else 0


def _refusal(gate: Gate, sql: str) -> str:
    try:
        gate.admit(sql)
    except (Refused, NotPlayed) as refusal:
        return str(refusal)
    return ""


if __name__ == "__main__":
    sys.exit(main())
