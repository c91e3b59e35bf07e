"""The saved queries of template.yaml, generated from athena/*.sql.

`python -m sandbox.athena.saved_queries` writes them there.
"""

import json
from pathlib import Path

from spaaza_snapshots.cli import athena as athena_cli
from spaaza_snapshots.cli.athena import SavedQuery

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
QUERIES = ROOT / "athena"
BEGIN = "  # BEGIN saved queries"
END = "  # END saved queries"


def saved_queries() -> list[SavedQuery]:
    """Read the queries of this repository, the views first."""
    return athena_cli.saved_queries(QUERIES)


def updated(template: str) -> str:
    """Return the template with the part between its markers brought up to date."""
    before, begin, rest = template.partition(BEGIN)
    rest_of_line, _, rest = rest.partition("\n")
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("The template has no markers for the saved queries.")
    resources = "\n".join(_resource(query) for query in saved_queries())
    return f"{before}{begin}{rest_of_line}\n{resources}{end}{after}"


def _resource(query: SavedQuery) -> str:
    """Return a query as a resource of the template, indented like the others."""
    return (
        f"  {query.name.title().replace('_', '')}Query:\n"
        "    Type: AWS::Athena::NamedQuery\n"
        "    Properties:\n"
        "      Database: !Ref GlueDatabase\n"
        "      WorkGroup: !Ref WorkGroup\n"
        f"      Name: {query.name}\n"
        f"      Description: {json.dumps(query.description)}\n"
        "      QueryString: |\n" + "".join(f"        {line}\n" for line in query.sql.splitlines())
    )


if __name__ == "__main__":
    TEMPLATE.write_text(updated(TEMPLATE.read_text()))
