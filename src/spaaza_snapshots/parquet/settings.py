"""The environment of the Parquet function.

SNAPSHOT_BUCKET   required
EVENT_BUS_NAME    without it, no event is sent
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spaaza_snapshots.base.environment import reading


@dataclass(frozen=True, slots=True)
class ParquetSettings:
    """The function's settings; an empty bus name means that there is none."""

    bucket: str
    bus_name: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ParquetSettings":
        """Read both variables; raises `BadSettings`."""
        with reading(environment) as reader:
            return cls(reader.required("SNAPSHOT_BUCKET", str), reader.optional("EVENT_BUS_NAME", "", str))
