"""The dbt sources, against the tables that the catalog makes."""

from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from sandbox.athena.warehouse import TABLES, Schema, glue_schema
from sandbox.aws.moto import MotoAws
from tools.dbt_sources import DATABASE, SOURCES, VIEWS, sources


@pytest.fixture
def made(moto_aws: MotoAws) -> str:
    moto_aws.create_database(DATABASE)
    return sources(moto_aws.client("glue"))


@pytest.fixture
def schema(moto_aws: MotoAws, made: str) -> Schema:
    return glue_schema(moto_aws.client("glue"), DATABASE)


def test_the_sources_are_as_they_would_be_made_now(made: str) -> None:
    assert SOURCES.read_text(encoding="utf-8") == made


def test_the_sources_are_the_tables_that_analysts_read_with_every_column(schema: Schema) -> None:
    (source,) = yaml_parse(SOURCES.read_text(encoding="utf-8"))["sources"]
    tables: dict[str, Any] = {table["name"]: table.get("columns", []) for table in source["tables"]}
    assert set(tables) == set(TABLES) - {"users_csv"} | set(VIEWS)
    for name in set(tables) - set(VIEWS):
        assert {column["name"]: column["data_type"] for column in tables[name]} == schema[name]
