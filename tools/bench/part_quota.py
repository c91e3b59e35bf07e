"""The run on a part of a processor, as small functions have: 1,769 MB of memory make one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from os import getpid
from pathlib import Path
from typing import Final

from tools.bench.content import MB, content
from tools.bench.options import Options
from tools.bench.part_run import ours
from tools.bench.places import serving
from tools.bench.report import Results, Section, Table
from tools.bench.rounds import Figures, Way, measure

MB_PER_VCPU: Final = 1_769
MEMORIES_MB: Final = (256, 512, 1_769)
PERIOD_US: Final = 20_000
V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


def quota(options: Options, _results: Results) -> Section:
    """Measure our run under each quota; where none may be set, compute it from the CPU seconds."""
    export = content(options.size_mb)
    rows = []
    with serving(export.gzip, tls=True) as places:
        way = ours(places)
        for memory_mb in MEMORIES_MB:
            share = memory_mb / MB_PER_VCPU
            with _group(share) as joined:
                seconds = _seconds(way, share, joined)
            speeds = [f"{size / MB / seconds:,.0f}" for size in (export.csv_bytes, export.gzip_bytes)]
            rows.append(
                (f"{memory_mb:,} MB", f"{share:.2f}", f"{seconds:.1f}", *speeds, "measured" if joined else "computed")
            )
    columns = ("function", "processors", "seconds", "CSV MB/s", "gzip MB/s", "")
    return Section("quota", "One run each over https, with that share of one processor.", [Table(columns, rows)])


def _seconds(way: Way, share: float, joined: Path | None) -> float:
    if joined is None:
        return measure(way).cpu_seconds / share
    enter = ["sh", "-c", f'echo $$ > {joined} && exec "$@"', "sh"]
    found: Figures = measure(replace(way, command=[*enter, *way.command]))
    return found.seconds


@contextmanager
def _group(share: float) -> Iterator[Path | None]:
    """Make a control group with this share of one processor; None where this user may not."""
    quota_us, name = int(PERIOD_US * share), f"spaaza-bench-{getpid()}"
    folder = (V1 if V1.is_dir() else V2) / name
    try:
        folder.mkdir()
        if folder.parent == V1:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            (folder / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    except OSError:
        with suppress(OSError):
            folder.rmdir()
        yield None
        return
    try:
        yield folder / "cgroup.procs"
    finally:
        folder.rmdir()
