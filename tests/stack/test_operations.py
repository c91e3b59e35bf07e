"""docs/OPERATIONS.md against what it speaks of: the alarms, the stack, the tables, the commands."""

import json
import re
from pathlib import Path

import pytest
import sqlglot
from botocore.session import Session
from sqlglot import exp

from spaaza_snapshots import errors
from spaaza_snapshots.glue.tables import MANIFEST_COLUMNS, QUALITY_COLUMNS, SNAPSHOTS, USERS, USERS_CSV, USERS_QUALITY
from spaaza_snapshots.model.columns import KNOWN, PARTITION_KEYS
from tools.template import deploy, source

OPERATIONS = (Path(__file__).resolve().parents[2] / "docs" / "OPERATIONS.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^#{2,3} (.+)$", OPERATIONS, re.MULTILINE)
DESCRIPTIONS = {
    alarm["AlarmName"].partition("-")[2]: alarm["AlarmDescription"]
    for alarm in deploy({"ChainIds": "1743"}).of_type("AWS::CloudWatch::Alarm").values()
}
WORDS = set(re.findall(r"`(\w+)`", OPERATIONS))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", OPERATIONS, re.MULTILINE | re.DOTALL)


def test_there_is_a_heading_for_each_alarm_and_none_for_another() -> None:
    section = OPERATIONS.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (.+)$", section, re.MULTILINE) == list(DESCRIPTIONS)


def test_the_section_of_each_alarm_begins_with_the_same_first_look() -> None:
    section = OPERATIONS.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    beginnings = re.findall(r"^### .+\n\n(.+)$", section, re.MULTILINE)
    assert len(beginnings) == len(DESCRIPTIONS)
    assert [text for text in beginnings if not text.startswith("First look: `make status` ")] == []


def test_every_link_leads_to_a_heading() -> None:
    anchors = {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in HEADINGS}
    links = set(re.findall(r"\]\(#([^)]+)\)", OPERATIONS))
    assert links
    assert links <= anchors


def test_every_parameter_and_output_that_is_named_is_one_of_the_template() -> None:
    template = source()
    named = {word for word in WORDS if re.fullmatch(r"(?:[A-Z][a-z]+){2,}", word)}
    error_classes = {name for name, found in vars(errors).items() if isinstance(found, type)}
    of_glue = set(Session().get_service_model("glue").shape_names)
    assert named - error_classes - of_glue <= {*template["Parameters"], *template["Outputs"]}
    assert {"RawDays", "ParquetDays", "OldVersionDays", "QueryResultDays", "PendingDays"} <= named


def test_every_error_that_asks_somebody_to_act_is_told_of_under_chain_missing() -> None:
    section = OPERATIONS.partition("\n### chain-missing\n")[2].partition("\n### ")[0]
    children = {name for name, found in vars(errors).items() if isinstance(found, type)} - {"SnapshotError"}
    untold = {name for name in children if f"`{name}`" not in section}
    assert untold == {"InvalidRequest", "LoginRefused"}  # no schedule sends the one, and no run logs in


@pytest.mark.parametrize("sql", blocks("sql"))
def test_every_query_is_sql_of_athena_on_tables_and_columns_that_are_there(sql: str) -> None:
    statement = sqlglot.parse_one(sql, dialect="athena")
    assert not isinstance(statement, exp.Command)
    assert {table.name for table in statement.find_all(exp.Table)} <= {
        table.name for table in (USERS, USERS_CSV, USERS_QUALITY, SNAPSHOTS)
    }
    columns = {
        *PARTITION_KEYS,
        *MANIFEST_COLUMNS,
        *QUALITY_COLUMNS,
        *(athena_name for athena_name, _ in KNOWN.values()),
    }
    named = {column.parts[0].name for column in statement.find_all(exp.Column)}
    assert named <= columns


def test_the_session_in_the_text_has_the_keys_that_the_function_reads() -> None:
    text, login = blocks("json")
    assert json.loads(login).keys() == {"username", "password"}
    assert json.loads(text).keys() == {"session_user_id", "session_key", "session_expires_date"}
    assert text.strip().replace("THE KEY", "...").partition('"session_expires')[0] in json.dumps(
        source()["Resources"]["SessionRejectedAlarm"]["Properties"]["AlarmDescription"]
    ).replace('\\"', '"')


def test_nobody_is_told_to_purge_what_nobody_has_read() -> None:
    section = OPERATIONS.partition("\n### undelivered-events\n")[2].partition("\n### ")[0]
    for text in (DESCRIPTIONS["undelivered-events"], section):
        assert "purge" not in text
        assert text.index("SnapshotHeld") < text.index("elete each message")


def test_a_limit_of_concurrent_runs_is_told_where_its_events_end() -> None:
    """Lambda queues what it cannot start, and after an hour puts it into FailedRuns: the bus never knows."""
    limit = "limit of concurrent runs"
    told = {name for name, text in DESCRIPTIONS.items() if limit in text}
    assert told == {"chain-missing", "parquet-behind", "parquet-failed"}
    section = OPERATIONS.partition("\n## See which runs have failed\n")[2].partition("\n## ")[0]
    assert "EventAgeExceeded" in section
