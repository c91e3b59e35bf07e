"""Time and memory of the whole function by the size of the export, from event to committed snapshot."""

from collections.abc import Mapping

from sandbox.aws.lambda_runtime import Invocation, LambdaFunction
from sandbox.aws.stack import Stack, running_stack
from sandbox.spaaza.answers import generated_users
from sandbox.spaaza.server import CHAINS
from tools.bench.content import MB
from tools.bench.options import Options
from tools.bench.report import Goal, Results, Section, Table

HANDLER = "spaaza_snapshots.export_handler.lambda_handler"
BYTES_PER_USER = 366
PEAK_GOAL_MB, SLOPE_GOAL = 85.0, 1.0
FULL_BUFFERS_MB = 100
"""From this size on all buffers are full: what grows from here would grow for ever."""


def growth(options: Options, _results: Results) -> Section:
    """Measure each size in a fresh process; the users repeat after 2,048, which no memory of ours could notice."""
    rows, peaks_mb = [], {}
    with running_stack() as stack:
        for size_mb in sorted(options.sizes_mb):  # a smaller one would be doubtful, and held
            ended = _run(stack, size_mb)
            raw, seconds = ended.payload["raw"], ended.seconds
            peaks_mb[raw["csv_bytes"] / MB] = (ended.peak_memory_bytes or 0) / MB
            speed = f"{raw['csv_bytes'] / MB / seconds:,.0f}"
            rows.append(
                (f"{size_mb:,}", f"{ended.payload['row_count']:,}", f"{raw['parts']:,}", f"{seconds:.1f}", speed)
            )
    shown = [(*row, f"{peak:.1f}") for row, peak in zip(rows, peaks_mb.values(), strict=True)]
    columns = ("CSV MB", "users", "parts", "seconds", "CSV MB/s", "peak MB")
    says = "The function under Lambda's runtime client, with Spaaza and a real S3 server on the same machine."
    return Section("growth", says, [Table(columns, shown)], _goals(peaks_mb))


def _run(stack: Stack, size_mb: int) -> Invocation:
    stack.spaaza.serve(generated_users(size_mb * MB // BYTES_PER_USER))
    with LambdaFunction(HANDLER, stack.environment()) as function:
        ended = function.invoke({"chain_id": CHAINS[0], "force": True})
    if not isinstance(ended.payload, Mapping):
        raise SystemExit(f"{ended.error_type}: {ended.error_message}")
    return ended


def _goals(peaks_mb: Mapping[float, float]) -> list[Goal]:
    goals = [Goal("highest peak of all sizes", PEAK_GOAL_MB, [max(peaks_mb.values())], " MB")]
    grown = {size: peak for size, peak in peaks_mb.items() if size > FULL_BUFFERS_MB * 0.9}
    if len(grown) > 1:
        slope = (grown[max(grown)] - grown[min(grown)]) / (max(grown) - min(grown)) * 1_000
        name = f"growth of the peak for each GB of CSV, from {FULL_BUFFERS_MB} MB on"
        goals.append(Goal(name, SLOPE_GOAL, [slope], " MB"))
    return goals
