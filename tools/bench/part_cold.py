"""The cold start of the built export function, as `make artifact` starts it."""

from dataclasses import astuple
from statistics import median

from sandbox.aws.stack import running_stack
from tools.artifact import SHOWN_CHAIN, export_function, start
from tools.bench.options import Options
from tools.bench.report import Goal, Results, Section, Table
from tools.package import HOST, built

INIT_GOAL = 0.22
READ_ONLY = {"PYTHONDONTWRITEBYTECODE": "1"}  # as /var/task is


def cold(options: Options, results: Results) -> Section:
    """Start the built function several times; the day is done by then, so an event takes only a few calls."""
    build, event = built(HOST), {"chain_id": SHOWN_CHAIN}
    with running_stack() as stack:
        starts = [start(export_function(stack, build, READ_ONLY), event) for _ in range(options.starts + 1)][1:]
    figures = [f"{median(column):.2f}" for column in zip(*map(astuple, starts), strict=True)]
    results.figures["init_seconds"] = median(each.ready_seconds for each in starts)
    says = f"The built package in Lambda's runtime client; seconds, median of {options.starts} starts."
    columns = ("export function", "start", "first event", "second event")
    goal = Goal("init of the built export function", INIT_GOAL, [each.ready_seconds for each in starts], " s")
    return Section("cold", says, [Table(columns, [("as built", *figures)])], [goal])
