"""The dictionary of the documented columns: docs/columns.toml beside the types, and what Spaaza's sample holds."""

import csv
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.spaaza.users import sample_csv
from spaaza_snapshots.model.columns import KNOWN

COLUMNS = Path(__file__).parents[1] / "docs" / "columns.toml"
SHOWN_VALUES = 3
_BEHAVIOUR = "behaviour"


@dataclass(frozen=True)
class Kind:
    """How closely its columns lead to a person."""

    name: str
    means: str
    columns: Sequence[str]


@dataclass(frozen=True)
class Dictionary:
    """Every kind with its columns, and the meanings that Spaaza gives."""

    kinds: Sequence[Kind]
    meanings: Mapping[str, str]

    def kind_of(self, name: str) -> str:
        """Return the kind of a column by its header name; ValueError unless it has exactly one."""
        (kind,) = (kind.name for kind in self.kinds if name in kind.columns)
        return kind


def dictionary() -> Dictionary:
    """Read docs/columns.toml."""
    written = tomllib.loads(COLUMNS.read_text(encoding="utf-8"))
    return Dictionary([Kind(**kind) for kind in written["kinds"]], written["meanings"])


def columns_table() -> str:
    """Return the kinds, and every documented column in its order, as Markdown."""
    known = dictionary()
    samples = _sample_values()
    kinds = [f"- **{kind.name}** ({len(kind.columns)}): {kind.means}." for kind in known.kinds]
    rows = []
    for name, (athena_name, athena_type) in KNOWN.items():
        kind = known.kind_of(name)
        values = ", ".join(f"`{value}`" for value in samples[name]) if kind == _BEHAVIOUR else ""
        says = known.meanings.get(name, values)
        rows.append(f"| {name} | `{athena_name}` | {athena_type.replace('string', 'varchar')} | {kind} | {says} |")
    head = [
        "| header | column | type | kind | what Spaaza says, or its sample holds |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*kinds, "", *head, *rows, ""])


def _sample_values() -> Mapping[str, Sequence[str]]:
    """Return the first different values of each column in the five rows of Spaaza's page."""
    users = list(csv.DictReader(io.StringIO(sample_csv().decode(), newline="")))
    return {name: list(dict.fromkeys(user[name] for user in users if user[name]))[:SHOWN_VALUES] for name in KNOWN}
