"""Our typed copy of an export on disk: `python -m tools.bench.clients.typed_ours FILE MANIFEST`."""

import sys
import tempfile
from pathlib import Path

from spaaza_snapshots.base.clock import Clock
from spaaza_snapshots.parquet.convert import MB_PER_VCPU, Machine, convert
from tools.bench.clients.meter import metered
from tools.bench.clients.ours import LAMBDA_MS, kept_manifest


def main() -> None:
    """Convert once, on one processor, and return the rows and the size of the file."""
    manifest = kept_manifest(Path(sys.argv[2]))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:

        def work() -> list[int]:
            machine = Machine(MB_PER_VCPU, Path(folder), Clock(lambda: LAMBDA_MS))
            converted = convert(Path(sys.argv[1]), manifest, machine)
            return [converted.rows, converted.parquet.stat().st_size]

        metered(work)


if __name__ == "__main__":
    main()
