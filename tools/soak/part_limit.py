"""An export of more parts than S3 takes."""

from typing import Final

from sandbox.aws.stack import running_stack
from spaaza_snapshots.base.clock import RESERVE_SECONDS
from spaaza_snapshots.s3.multipart import MAX_PARTS, PART_BYTES
from tools.bench.report import Section, Table
from tools.soak.bounds import Bound, bounds_table
from tools.soak.endless import Endless
from tools.soak.exports import users_block
from tools.soak.options import Options
from tools.soak.part_large import GB, LOOKS, MB, PEAK_MB, send

LAMBDA_SECONDS: Final = 900
BLOCK_BYTES: Final = 8 * 1024 * 1024
REFUSAL: Final = "The export is too large for one upload"


def limit(_options: Options) -> Section:
    """Send more than fits, stored instead of compressed, in a record without end: the length of the gzip counts."""
    export = Endless(users_block().header, bytes(BLOCK_BYTES), MAX_PARTS * PART_BYTES // BLOCK_BYTES + LOOKS, level=0)
    with running_stack() as stack:
        ended, looks = send(stack, export)
    rate = MAX_PARTS * PART_BYTES / MB / (LAMBDA_SECONDS - RESERVE_SECONDS)
    says = (
        f"Every part is {PART_BYTES:,} bytes, so S3's {MAX_PARTS:,} parts hold {MAX_PARTS * PART_BYTES / GB:.1f} GB of "
        f"gzip. To reach that before the function's time is over, an export would have to arrive at {rate:.0f} MB/s. "
        f"This one is of {export.gzip_bytes / GB:.1f} GB, and had a day: {ended.seconds:,.0f} seconds."
    )
    error = f"{ended.error_type}: {ended.error_message}" if ended.error_type else "complete"
    outcome = Table(("after", "the run ended with"), [(f"{MAX_PARTS:,} parts", error.replace("\n", " "))])
    refused = int(REFUSAL in ended.error_message)
    bounds = [
        Bound("runs that ended with this refusal", refused, 1, exact=True),
        Bound("peak memory", looks[-1][1].peak_bytes / MB, PEAK_MB, " MB"),
    ]
    return Section("limit", says, [outcome, bounds_table(bounds)])
