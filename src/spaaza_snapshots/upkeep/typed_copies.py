"""Whether a typed copy has a row of certain people, and the same copy without them.

The files have no name on this disk, so a command that is killed leaves none behind.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import duckdb

from spaaza_snapshots.base.sql import literal
from spaaza_snapshots.errors import StorageError
from spaaza_snapshots.model.columns import CAST_ERRORS, columns_of
from spaaza_snapshots.s3.objects import RUN_ID, head, put_over
from spaaza_snapshots.upkeep.person import ID_COLUMN, People, Unreadable
from spaaza_snapshots.upkeep.versions import AGAIN_HINT, NULL_VERSION, Opened, Version, VersionedBucket

ID_NAMES: Final = tuple(column.athena_name for column in columns_of((ID_COLUMN,) * 9))
"""What the column ID is called in a typed copy, also where an export has it several times."""

BLOCK_BYTES: Final = 1024 * 1024
CONFIG: Final[dict[str, Any]] = {"temp_directory": "", "autoinstall_known_extensions": False}
"""DuckDB neither spills rows to the disk nor downloads anything."""


def rows_of(bucket: VersionedBucket, version: Version, people: People) -> int | None:
    """Read a typed copy and count the rows of the people; None if it has no column to tell.

    Raises `Unreadable`, `StorageError`.
    """
    with bucket.opened(version) as opened, _on_disk(opened) as file, _database() as database:
        condition = _of_people(database, file, people)
        if condition is None:
            return None
        ((count,),) = database.execute(f"SELECT count(*) FROM {_table(file)} WHERE {condition}").fetchall()  # noqa: S608 # built below, of digits and names
        return int(count)


def put_without(bucket: VersionedBucket, version: Version, people: People) -> str:
    """Replace a current typed copy by one without the people's rows, of the same run, as the same types.

    Returns the version id of the new copy, which without versioning is that of what it has replaced in place. Raises
    `StorageError`, also if the copy has changed meanwhile.
    """
    with bucket.opened(version) as opened, _on_disk(opened) as file, tempfile.TemporaryFile() as without:
        _copy_without(file, without, people, opened.metadata.get(RUN_ID, ""))
        without.seek(0)
        put = put_over(
            bucket.s3,
            opened.etag,
            Bucket=bucket.name,
            Key=version.key,
            Body=without,
            ContentType=opened.content_type,
            hint=AGAIN_HINT,
            Metadata=opened.metadata,  # with its run-id: without it, the copy would be made again
        )
    if not put:
        hint = "A conversion was faster. Run the command again: it finds what is left."
        raise StorageError("The typed copy has changed meanwhile", version.key, hint)
    there = head(bucket.s3, bucket.name, version.key)
    return NULL_VERSION if there is None or there.version_id is None else there.version_id


@contextmanager
def _on_disk(opened: Opened) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(opened.body, file, BLOCK_BYTES)
        file.flush()
        yield file


def _copy_without(file: IO[bytes], target: IO[bytes], people: People, run_id: str) -> None:
    with _database() as database:
        condition = _of_people(database, file, people)
        kinds = database.execute(f"DESCRIBE FROM {_table(file)}").fetchall()
        # DuckDB reads milliseconds as microseconds; the table's type is that of the other days.
        instants = [f'"{name}"::TIMESTAMP_MS AS "{name}"' for name, kind, *_ in kinds if kind == "TIMESTAMP"]
        columns = f"* REPLACE ({', '.join(instants)})" if instants else "*"
        database.execute(
            f"COPY (SELECT {columns} FROM {_table(file)} WHERE NOT ({condition})) TO {_path(target)}"  # noqa: S608 # as above
            f" (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, KV_METADATA {{run_id: {literal(run_id)}}})"
        )


def _of_people(database: duckdb.DuckDBPyConnection, file: IO[bytes], people: People) -> str | None:
    """Return the condition of a row of the people, never NULL; None without a column ID.

    A value that is not a number is not in the column but in `_cast_errors`.
    """
    names = {name for name, *_ in database.execute(f"DESCRIBE FROM {_table(file)}").fetchall()}
    columns = [name for name in ID_NAMES if name in names]
    if not columns:
        return None
    found = [f"regexp_matches(CAST({name} AS VARCHAR), {literal(people.pattern)})" for name in columns]
    if CAST_ERRORS in names:
        errors = f"list_filter(string_split({CAST_ERRORS}, chr(31)), lambda e: starts_with(e, '{columns[0]}='))"
        found.append(f"regexp_matches(array_to_string({errors}, chr(31)), {literal(people.pattern)})")
    return " OR ".join(f"coalesce({one}, false)" for one in found)


def _table(file: IO[bytes]) -> str:
    return f"read_parquet({_path(file)}, hive_partitioning=false)"


def _path(file: IO[bytes]) -> str:
    """Return how DuckDB opens a file without a name."""
    return literal(f"/dev/fd/{file.fileno()}")


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an in-memory database; its errors lose their text, which may contain rows or ids."""
    failed: type[Exception] | None = None
    with duckdb.connect(config=CONFIG) as database:
        try:
            yield database
        except duckdb.Error as error:
            failed = type(error)
    if failed is not None:
        raise Unreadable("This cannot be read as a typed copy", failed.__name__, "`rebuild` makes it again.")
