"""Draws the CPU seconds of every client, from JSON: `.tools/peers/bin/python -m tools.bench.picture TARGET`."""

import json
import sys
from pathlib import Path
from statistics import median

import matplotlib as mpl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "bench"

from matplotlib import pyplot as plt  # noqa: E402 # after the backend is chosen

NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
"""Without it the picture names no other host, and the same figures make the same file."""

OURS_COLOUR, PEER_COLOUR, LIMIT_COLOUR = "#0b6e4f", "#9aa5b1", "#d9822b"


def main() -> None:
    """Draw one bar for each client, with the spread of its rounds, and a line at the limit."""
    bars: dict[str, list[float]] = json.load(sys.stdin)
    names = list(reversed(bars))
    middles = [median(bars[name]) for name in names]
    below = [middle - min(bars[name]) for name, middle in zip(names, middles, strict=True)]
    above = [max(bars[name]) - middle for name, middle in zip(names, middles, strict=True)]
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    colours = [_colour(name) for name in names]
    axes.barh(names, middles, xerr=[below, above], color=colours, ecolor="#3b4252", capsize=3)
    limit = sum(median(bars[name]) for name in names if name.endswith(" alone"))
    axes.axvline(limit, color=LIMIT_COLOUR, linestyle="--", linewidth=1)
    axes.annotate(" the limit", (limit, len(names) - 0.6), color=LIMIT_COLOUR, fontsize=9)
    axes.set_xlabel("CPU seconds of the client; median, lowest and highest")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(Path(sys.argv[1]), metadata=NO_METADATA)


def _colour(name: str) -> str:
    if name.endswith(" alone"):
        return LIMIT_COLOUR
    return OURS_COLOUR if name.startswith("ours") else PEER_COLOUR


if __name__ == "__main__":
    main()
