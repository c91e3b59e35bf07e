"""The inspector beside inflating alone, at several densities of quotes; the first three have a goal."""

import gzip
from itertools import zip_longest
from statistics import median
from time import process_time

from tools.bench.content import MB
from tools.bench.inspecting import CHUNK_BYTES, inflate, inspect, quoted_ways, read
from tools.bench.options import Options
from tools.bench.report import Goal, Results, Section, Table
from tools.bench.rounds import ratios

GOALS = (1.5, 1.9, 4.0)


def inspector(options: Options, _results: Results) -> Section:
    """Measure each density; the two take turns within a round."""
    rows, goals = [], []
    for (name, body), most in zip_longest(quoted_ways(options.inspected_users), GOALS):
        compressed = gzip.compress(body, 6)
        chunks = [compressed[start : start + CHUNK_BYTES] for start in range(0, len(compressed), CHUNK_BYTES)]
        measured = [(_seconds(inflate, chunks), _seconds(inspect, chunks)) for _ in range(options.rounds)]
        inflated, inspected = zip(*measured, strict=True)
        speeds = [f"{len(body) / MB / median(each):,.0f}" for each in (inflated, inspected)]
        counted = "right" if inspect(chunks) == read(chunks) else "wrong"
        rows.append((name, f"{len(body) / MB:.0f}", *speeds, counted))
        if most is not None:
            goals.append(Goal(f"inspector : inflate, {name} quoted", most, ratios(inspected, inflated)))
    columns = ("quoted", "CSV MB", "inflate MB/s", "inspector MB/s", "rows, against csv.reader")
    return Section(
        "inspector", f"{options.rounds} rounds; MB of CSV for each CPU second.", [Table(columns, rows)], goals
    )


def _seconds(way: object, chunks: list[bytes]) -> float:
    assert callable(way)
    began = process_time()
    way(chunks)
    return process_time() - began
