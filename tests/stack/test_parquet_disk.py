"""The disk of the Parquet function: what a conversion asks for and takes, and how many users the default carries."""

import csv
import gzip
import io
import re
from dataclasses import replace
from pathlib import Path

from sandbox.spaaza.users import HEADER, generated_csv, gzipped
from spaaza_snapshots.model.manifest import Raw
from spaaza_snapshots.parquet.convert import Machine, convert
from spaaza_snapshots.parquet.work_folder import disk_bytes
from tests.support import builders
from tools.template import source

MEBIBYTE = 1024 * 1024
USERS = 20_000


def raw(csv_bytes: int, gzip_bytes: int) -> Raw:
    return replace(builders.raw(), csv_bytes=csv_bytes, gzip_bytes=gzip_bytes)


def test_the_default_disk_carries_as_many_users_as_its_description_says() -> None:
    parameter = source()["Parameters"]["ParquetDiskMegabytes"]
    megabytes, millions = re.findall(r"(\d+) MB are enough for about ([\d.]+) million users", parameter["Description"])[
        0
    ]
    assert int(megabytes) == parameter["Default"]
    csv_bytes = sum(map(len, generated_csv(USERS)))
    of_one_user = disk_bytes(raw(csv_bytes, sum(map(len, gzipped(generated_csv(USERS)))))) / USERS
    room = parameter["Default"] * MEBIBYTE / of_one_user
    assert float(millions) * 1_000_000 <= room <= float(millions) * 1_100_000


def test_a_conversion_takes_no_more_disk_than_was_asked_for_even_if_every_row_has_a_line_break(tmp_path: Path) -> None:
    head, *users = csv.reader(io.StringIO(b"".join(generated_csv(2_000)).decode(), newline=""))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([head, *([user[0], "a\nb", *user[2:]] for user in users)])
    csv_bytes = text.getvalue().encode()
    export = tmp_path / "export.csv.gz"
    export.write_bytes(gzip.compress(csv_bytes, 1))
    manifest = builders.manifest(header=HEADER, row_count=len(users))
    found = convert(export, manifest, Machine(512, tmp_path, builders.HeldClock().clock()))
    taken = sum(file.stat().st_size for file in tmp_path.iterdir() if file.is_file())
    assert found.rows == len(users)
    assert taken <= disk_bytes(raw(len(csv_bytes), export.stat().st_size))
