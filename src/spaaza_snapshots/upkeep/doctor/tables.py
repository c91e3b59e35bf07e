"""What people query: database, tables and workgroup; and what of the account may get in their way."""

from collections.abc import Mapping
from typing import Any, Final

from spaaza_snapshots.base.aws_errors import answer_of
from spaaza_snapshots.glue.tables import SNAPSHOTS, USERS, USERS_CSV, USERS_QUALITY
from spaaza_snapshots.upkeep.days import chains_in
from spaaza_snapshots.upkeep.doctor.examination import Finding, SetupCheck, bad, good, unknown
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings
from spaaza_snapshots.upkeep.scheduler import PUT_BACK

TABLES: Final = (USERS, USERS_CSV, SNAPSHOTS, USERS_QUALITY)
IAM_DECIDES: Final = "IAM_ALLOWED_PRINCIPALS"
"""Lake Formation's group of everybody whom IAM allows; without it on a table, IAM alone opens nothing."""

OWN_ROLE: Final = "SSE-KMS-WITH-SERVICE-ROLE"
"""Glue uses the key as a role of its own, so that its callers need no right to it (API_EncryptionAtRest)."""

MISSING: Final = ("EntityNotFoundException",)


def _database(here: Surroundings) -> Finding:
    name = here.output("GlueDatabaseName")
    if answer_of(here.client("glue").get_database, MISSING, Name=name) is None:
        return bad(f"{name} does not exist, or Lake Formation hides it", f"See the next line. {PUT_BACK}")
    return good(name)


def _tables(here: Surroundings) -> Finding:
    database, bucket = here.output("GlueDatabaseName"), here.output("BucketName")
    found = {table.name: _storage(here, table.name) for table in TABLES}
    lacking = [name for name, storage in found.items() if storage is None]
    if len(lacking) == len(TABLES) and not chains_in(here.client("s3"), bucket):
        return good("none yet: the first snapshot makes them")
    if lacking:
        fix = "The next run makes them; if not, make logs says why: make snapshot."
        return bad(f"missing: {', '.join(lacking)}", fix)
    storages = {name: storage or {} for name, storage in found.items()}
    astray = [name for name, storage in storages.items() if not _is_ours(storage, bucket)]
    if astray:
        call = f"aws glue delete-table --database-name {database} --name TABLE"
        fix = f"Delete it, and the next run makes it again: {call}"
        return bad(f"without columns, or not of this bucket: {', '.join(astray)}", fix)
    return good(f"all {len(TABLES)}; users has {len(storages[USERS.name]['Columns'])} columns")


def _storage(here: Surroundings, table: str) -> Mapping[str, Any] | None:
    """Return the columns of a table and where its data is; None where it does not exist."""
    database = here.output("GlueDatabaseName")
    found = answer_of(here.client("glue").get_table, MISSING, DatabaseName=database, Name=table)
    return None if found is None else found["Table"].get("StorageDescriptor", {})


def _is_ours(storage: Mapping[str, Any], bucket: str) -> bool:
    return bool(storage.get("Columns")) and storage.get("Location", "").startswith(f"s3://{bucket}/")


def _lake_formation(here: Surroundings) -> Finding:
    settings = here.client("lakeformation").get_data_lake_settings()["DataLakeSettings"]
    kinds = {"databases": "CreateDatabaseDefaultPermissions", "tables": "CreateTableDefaultPermissions"}
    closed = [kind for kind, name in kinds.items() if not _is_open(settings.get(name, ()))]
    if not closed:
        return good("IAM alone decides who reads new databases and tables")
    what = (
        f"Lake Formation decides for new {' and '.join(closed)}: IAM alone neither lets the export function make its"
        " tables nor anybody query them"
    )
    fix = (
        "Grant it in Lake Formation: on the stack's database CREATE_TABLE and DESCRIBE to the export function's role,"
        " and SELECT on its tables to whoever queries; or give IAM_ALLOWED_PRINCIPALS all permissions on"
        " database and tables."
    )
    if here.stack and _storage(here, SNAPSHOTS.name) is not None:
        return unknown(f"{what}; the tables are there all the same, so the function has its grants", fix)
    return bad(what, fix)


def _is_open(permissions: Any) -> bool:
    return any(
        entry.get("Principal", {}).get("DataLakePrincipalIdentifier") == IAM_DECIDES and "ALL" in entry["Permissions"]
        for entry in permissions
    )


def _encrypted_catalog(here: Surroundings) -> Finding:
    found = here.client("glue").get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    at_rest = found.get("EncryptionAtRest", {})
    mode = at_rest.get("CatalogEncryptionMode", "DISABLED")
    if mode in ("DISABLED", OWN_ROLE):
        return good(f"the catalog {'needs no key of whoever asks' if mode == OWN_ROLE else 'is not encrypted by KMS'}")
    key = at_rest.get("SseAwsKmsKeyId", "its key")
    fix = (
        f"Allow the export function's role, and whoever queries, kms:Decrypt, kms:Encrypt and kms:GenerateDataKey on"
        f" {key}; or give the catalog a service role ({OWN_ROLE}), which uses it for all."
    )
    if here.stack and _storage(here, SNAPSHOTS.name) is not None:
        return unknown(f"encrypted with {key}; the tables are there, so the function may use it", fix)
    return bad(f"encrypted with {key}, which the functions' roles may not use", fix)


def _work_group(here: Surroundings) -> Finding:
    name, bucket = here.output("WorkGroupName"), here.output("BucketName")
    answer = answer_of(here.client("athena").get_work_group, ("InvalidRequestException",), WorkGroup=name)
    found = (answer or {}).get("WorkGroup")
    if not found:
        return bad(f"{name} does not exist", PUT_BACK)
    if found.get("State", "ENABLED") != "ENABLED":
        return bad(f"{name} is disabled", f"aws athena update-work-group --work-group {name} --state ENABLED")
    results = found.get("Configuration", {}).get("ResultConfiguration", {}).get("OutputLocation", "")
    if not results.startswith(f"s3://{bucket}/"):
        fix = f"Results hold personal data, and expire only in the bucket. {PUT_BACK}"
        return bad(f"its results go to {results or 'nowhere'}", fix)
    return good(f"{name}, results in {results}")


LAKE_FORMATION = SetupCheck("lake formation", _lake_formation, ("credentials",))
ENCRYPTED_CATALOG = SetupCheck("encrypted catalog", _encrypted_catalog, ("credentials",))
TABLES_AND_QUERIES = (
    SetupCheck("database", _database, ("stack",)),
    LAKE_FORMATION,
    ENCRYPTED_CATALOG,
    SetupCheck("tables", _tables, ("database", "bucket")),
    SetupCheck("workgroup", _work_group, ("stack",)),
)
