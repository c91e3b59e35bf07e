"""The saved queries of template.yaml, made from athena/*.sql: `python -m sandbox.saved_queries` writes them there."""

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "template.yaml"
QUERIES = ROOT / "athena"
BEGIN = "  # BEGIN saved queries"
END = "  # END saved queries"


@dataclass(frozen=True)
class SavedQuery:
    """One query of the folder: its leading comment is its description, what follows is one statement."""

    name: str
    description: str
    sql: str

    @property
    def is_view(self) -> bool:
        """Whether it makes a view; the others read."""
        return self.sql.startswith("CREATE OR REPLACE VIEW")

    def resource(self) -> str:
        """Return it as a resource of the template, indented to stand among the others."""
        return (
            f"  {self.name.title().replace('_', '')}Query:\n"
            "    Type: AWS::Athena::NamedQuery\n"
            "    Properties:\n"
            "      Database: !Ref GlueDatabase\n"
            "      WorkGroup: !Ref WorkGroup\n"
            f"      Name: {self.name}\n"
            f"      Description: {json.dumps(self.description)}\n"
            "      QueryString: |\n" + "".join(f"        {line}\n" for line in self.sql.splitlines())
        )


def saved_queries() -> list[SavedQuery]:
    """Read the folder, the views first, since queries may read them."""
    queries = [_read(path) for path in sorted(QUERIES.glob("*.sql"))]
    return sorted(queries, key=lambda query: not query.is_view)


def updated(template: str) -> str:
    """Return the template with what stands between its markers made anew."""
    before, begin, rest = template.partition(BEGIN)
    rest_of_line, _, rest = rest.partition("\n")
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("The template has no markers for the saved queries.")
    resources = "\n".join(query.resource() for query in saved_queries())
    return f"{before}{begin}{rest_of_line}\n{resources}{end}{after}"


def _read(path: Path) -> SavedQuery:
    lines = path.read_text().splitlines()
    comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    sql = "\n".join(line for line in lines if not line.startswith("--"))
    return SavedQuery(path.stem, " ".join(comment), sql)


if __name__ == "__main__":
    TEMPLATE.write_text(updated(TEMPLATE.read_text()))
