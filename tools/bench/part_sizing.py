"""What memory buys: from the CPU seconds of this run to throughput, money, and the largest chain in 15 minutes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from spaaza_snapshots.base.clock import RESERVE_SECONDS
from tools.bench.options import Options
from tools.bench.part_quota import MB_PER_VCPU
from tools.bench.report import Results, Section, Table
from tools.template import source

USD_PER_GB_SECOND: Final = 0.0000133334
"""arm64 in eu-west-1: https://aws.amazon.com/lambda/pricing/"""

WORK_SECONDS: Final = 900 - RESERVE_SECONDS
EXPORT_MEMORIES_MB: Final = (256, 512, 1_024, 1_769)
TYPED_MEMORIES_MB: Final = (1_024, 1_769, 3_538)
USERS: Final = (1_000_000, 10_000_000, 100_000_000)
SOURCES_MB: Final = (1, 5, 20)
LARGEST_DISK_BYTES: Final = 10_240 * 1024 * 1024
MB: Final = 1_000_000
NEEDED: Final = ("gzip_mb", "users", "run_cpu_seconds", "typed_cpu_seconds_per_user", "disk_bytes_per_user")


@dataclass(frozen=True)
class Needs:
    """What a user costs, by this machine's processor."""

    gzip_mb_per_user: float
    export_cpu_seconds_per_user: float
    typed_cpu_seconds_per_user: float
    disk_bytes_per_user: float

    def gzip_mb_per_second(self, memory_mb: int) -> float:
        """Return how fast an export function of that memory works; it uses little more than one processor."""
        return self.gzip_mb_per_user / self.export_cpu_seconds_per_user * min(memory_mb / MB_PER_VCPU, 1)

    def export_seconds(self, users: int, memory_mb: int) -> float:
        """Return how long an export takes if its source is never slower."""
        return users * self.gzip_mb_per_user / self.gzip_mb_per_second(memory_mb)

    def typed_seconds(self, users: int, memory_mb: int) -> float:
        """Return how long a typed copy takes; two threads are taken to be twice as fast."""
        return users * self.typed_cpu_seconds_per_user / (memory_mb / MB_PER_VCPU)


def sizing(_options: Options, results: Results) -> Section:
    """Compute the tables; the run and the typed copy must have been measured before."""
    figures = results.figures
    if missing := [name for name in NEEDED if name not in figures]:
        return Section("sizing", f"Not computed: {', '.join(missing)} not measured.")
    users = figures["users"]
    needs = Needs(
        figures["gzip_mb"] / users,
        figures.get("https_cpu_seconds", figures["run_cpu_seconds"]) / users,
        figures["typed_cpu_seconds_per_user"],
        figures["disk_bytes_per_user"],
    )
    says = (
        "Computed from the CPU seconds above, over https, as if a processor of Lambda were as fast as this machine's: "
        "halve the speeds to be careful. USD for one run."
    )
    tables = [_export_table(needs), _source_table(needs), _typed_table(needs), _typed_limits(needs)]
    return Section("sizing", says, tables, after="\n".join(judgement(needs)))


def _export_table(needs: Needs) -> Table:
    rows = [
        (f"export, {memory:,} MB", f"{needs.gzip_mb_per_second(memory):.0f}", *_costs(needs.export_seconds, memory))
        for memory in EXPORT_MEMORIES_MB
    ]
    return Table(("function", "gzip MB/s", *(f"{users // MB} M users" for users in USERS)), rows)


def _typed_table(needs: Needs) -> Table:
    rows = [(f"Parquet, {memory:,} MB", *_costs(needs.typed_seconds, memory)) for memory in TYPED_MEMORIES_MB]
    return Table(("function", *(f"{users // MB} M users" for users in USERS)), rows)


def _costs(seconds_for: Callable[[int, int], float], memory_mb: int) -> Iterator[str]:
    for users in USERS:
        seconds = seconds_for(users, memory_mb)
        gb_seconds = seconds * memory_mb / 1_024
        limit = "" if seconds <= WORK_SECONDS else ", too long"
        yield f"{seconds:,.0f} s, {gb_seconds:,.0f} GB-s, {gb_seconds * USD_PER_GB_SECOND:.4f} USD{limit}"


def _source_table(needs: Needs) -> Table:
    rows = []
    for memory in EXPORT_MEMORIES_MB:
        speeds = [min(source_mb, needs.gzip_mb_per_second(memory)) for source_mb in SOURCES_MB]
        largest = [speed * WORK_SECONDS / needs.gzip_mb_per_user for speed in speeds]
        rows.append((f"{memory:,} MB", *(f"{users / MB:.0f} M" for users in largest)))
    names = (f"source of {source_mb} MB/s" for source_mb in SOURCES_MB)
    return Table(("largest chain in 15 minutes, export of", *names), rows)


def _typed_limits(needs: Needs) -> Table:
    by_disk = LARGEST_DISK_BYTES / needs.disk_bytes_per_user / MB
    rows = [
        (f"{memory:,} MB", f"{WORK_SECONDS / needs.typed_seconds(MB, memory):.0f} M", f"{by_disk:.0f} M")
        for memory in TYPED_MEMORIES_MB
    ]
    return Table(("largest chain, typed copy of", "in 15 minutes", "on the largest disk (10 GB)"), rows)


def judgement(needs: Needs) -> Iterator[str]:
    """Say what the template's default means, and what the least memory for the fastest source would save."""
    memory = int(source()["Parameters"]["ExportMemoryMegabytes"]["Default"])
    follows = needs.gzip_mb_per_second(memory)
    yield f"The template's {memory:,} MB follow a source of up to {follows:.0f} MB/s."
    enough = [each for each in EXPORT_MEMORIES_MB if needs.gzip_mb_per_second(each) >= 2 * SOURCES_MB[-1]]
    for source_mb in SOURCES_MB:
        seconds = needs.gzip_mb_per_user * MB / min(source_mb, follows)
        usd = seconds * memory / 1_024 * USD_PER_GB_SECOND
        yield f"A million users from a source of {source_mb} MB/s cost {usd:.4f} USD a run, {usd * 30:.2f} a month."
    if enough and enough[0] < memory:
        share = enough[0] / memory
        yield (
            f"{enough[0]:,} MB would follow twice {SOURCES_MB[-1]} MB/s: as fast wherever the source is the limit, for "
            f"{share:.0%} of that price, but with a start that takes {1 / share:.1f} times as long."
        )
