"""The tables as Glue has them, past the wire: for the eyes of the tests."""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from spaaza_snapshots.glue.catalog import CatalogChange

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient
    from types_boto3_glue.type_defs import TableTypeDef

DATABASE = "spaaza"
TABLES = ("users", "users_csv", "snapshots", "users_quality")
CHAINS = (1743, 1783)
DAY = date(2026, 11, 22)

Ensure = Callable[..., CatalogChange]


def table(glue: "GlueClient", name: str) -> "TableTypeDef":
    return glue.get_table(DatabaseName=DATABASE, Name=name)["Table"]


def tables(glue: "GlueClient") -> list["TableTypeDef"]:
    return [table(glue, name) for name in TABLES]


def types(glue: "GlueClient", name: str) -> dict[str, str]:
    columns = table(glue, name)["StorageDescriptor"]["Columns"]
    assert len({column["Name"] for column in columns}) == len(columns)
    return {column["Name"]: column["Type"] for column in columns}


def names(glue: "GlueClient", name: str) -> list[str]:
    return list(types(glue, name))
