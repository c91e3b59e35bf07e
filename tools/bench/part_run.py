"""The run beside its limit and its peers: the same export, from the same server, into the same S3."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from tools.bench.content import MB, Content, content
from tools.bench.options import Options
from tools.bench.places import Places, serving
from tools.bench.report import Goal, Results, Section, Table, spread
from tools.bench.rounds import AWS, PEERS, Figures, Way, cpu, fastest, in_turn, module, ratios
from tools.template import source

OURS, INFLATE, PASS = "ours: proven, counted, committed", "ISA-L inflate alone", "pass-through alone"
COUNTING = "boto3 upload_fileobj + zlib + count of line ends"
PROVE_NOTHING: Final = ("boto3 upload_fileobj", "smart_open", "s3fs", "curl, aws s3 cp -")
ZCAT: Final = "zcat, wc -l"
NO_RETURNED_PAGES: Final = {"MALLOC_MMAP_THRESHOLD_": "67108864", "MALLOC_TRIM_THRESHOLD_": "268435456"}
"""Keeps freed memory in the process: without it the limit would also pay for pages taken again and again."""

RUN_GOAL, PEER_GOAL, COUNTING_GOAL = 1.45, 2.6, 0.42


def run(options: Options, results: Results) -> Section:
    """Measure every way in turn."""
    export = content(options.size_mb)
    with serving(export.gzip) as places:
        measured = in_turn([*limits(export, places), ours(places), *peers(export, places)], options.rounds)
    results.figures.update(
        csv_mb=export.csv_bytes / MB,
        gzip_mb=export.gzip_bytes / MB,
        users=export.rows,
        run_cpu_seconds=median(cpu(measured[OURS])),
    )
    results.bars.update({name: cpu(figures) for name, figures in measured.items()})
    size = f"{export.rows:,} users, {export.csv_bytes / MB:,.0f} MB of CSV, {export.gzip_bytes / MB:,.0f} MB of gzip"
    return Section(
        "run",
        f"{size}; {options.rounds} rounds. CPU seconds of the client alone: median (lowest-highest).",
        [Table(("client", "CPU s", "seconds", "peak MB", "rows counted", ""), list(_rows(measured, export)))],
        _goals(measured),
        "\\* All processes, from their start. The others: from the request to the end, without imports.",
    )


def ours(places: Places) -> Way:
    """Return our run, with the variables of the template that change how Python uses memory."""
    variables = source()["Resources"]["ExportFunction"]["Properties"]["Environment"]["Variables"]
    tuned = {name: str(value) for name, value in variables.items() if name.startswith(("MALLOC_", "PYTHON"))}
    return Way(OURS, module("ours", places.export_url, places.s3_url), {**places.environment, **tuned})


def limits(export: Content, places: Places) -> list[Way]:
    """Return the two halves of the least that a run could cost."""
    environment = {**places.environment, **NO_RETURNED_PAGES}
    return [
        Way(INFLATE, module("limits", "inflate", str(export.gzip)), environment),
        Way(PASS, module("limits", "pass", places.export_url, places.s3_url), environment),
    ]


def peers(export: Content, places: Places) -> list[Way]:
    """Return what others use, as far as it is installed."""
    names = {PROVE_NOTHING[0]: "boto3", PROVE_NOTHING[1]: "smart_open", PROVE_NOTHING[2]: "s3fs", COUNTING: "counting"}
    ways = [
        Way(shown, module("peers", name, places.export_url, places.s3_url, python=PEERS), places.environment)
        for shown, name in names.items()
    ]
    if shutil.which("curl"):
        asked = f"curl -sS --fail -d '{{}}' {places.export_url}"
        ways.append(
            _piped(PROVE_NOTHING[3], f"{asked} | {AWS} s3 cp - s3://bench/sent --endpoint-url {places.s3_url}", places)
        )
    if shutil.which("zcat"):
        ways.append(_piped(ZCAT, f"zcat {shlex.quote(str(export.gzip))} | wc -l", places))
    return ways


def _piped(name: str, command: str, places: Places) -> Way:
    return Way(name, ["bash", "-o", "pipefail", "-c", command], places.environment, whole=True)


def _rows(measured: Mapping[str, Sequence[Figures]], export: Content) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, figures in measured.items():
        whole = name in (PROVE_NOTHING[3], ZCAT)
        peak = "" if whole else f"{median(each.peak_bytes for each in figures) / MB:.0f}"
        seconds = f"{median(each.seconds for each in figures):.2f}"
        counted = _counted(name, figures[-1].found)
        verdict = "" if counted is None else "right" if counted == export.rows else "wrong"
        shown = "" if counted is None else f"{counted:,}"
        rows.append((f"{name} \\*" if whole else name, spread(cpu(figures)), seconds, peak, shown, verdict))
    return rows


def _counted(name: str, found: object) -> int | None:
    """Return how many users a way says there are; `wc` counts the header too."""
    if not isinstance(found, int):
        return None
    return found - 1 if name == ZCAT else found


def _goals(measured: Mapping[str, Sequence[Figures]]) -> list[Goal]:
    run_cpu = cpu(measured[OURS])
    limit = [sum(both) for both in zip(cpu(measured[INFLATE]), cpu(measured[PASS]), strict=True)]
    best = fastest({name: measured[name] for name in PROVE_NOTHING if name in measured})
    return [
        Goal("run : limit (inflate + pass-through)", RUN_GOAL, ratios(run_cpu, limit)),
        Goal(f"run : best peer that proves nothing ({best})", PEER_GOAL, ratios(run_cpu, cpu(measured[best]))),
        Goal("run : peer that counts", COUNTING_GOAL, ratios(run_cpu, cpu(measured[COUNTING]))),
    ]
