"""The options of a search through seeds, which the model and the campaign share."""

import argparse
from collections.abc import Sequence


def search_options(prog: str, arguments: Sequence[str] | None, what: str, *, minutes: float) -> argparse.Namespace:
    """Parse the options of a search for `minutes`, unless others are given; each seed draws one of `what`."""
    parser = argparse.ArgumentParser(prog=prog)
    parser.add_argument("--minutes", type=float, default=minutes)
    parser.add_argument("--seed", type=int, default=1, help=f"seed of the first {what}; the others follow")
    parser.add_argument("--count", type=int, help=f"stop after this many {what}s")
    parser.add_argument("--replay", type=int, metavar="SEED", help=f"print one {what}")
    parser.add_argument("--first", action="store_true", help="stop at the first violation")
    return parser.parse_args(arguments)
