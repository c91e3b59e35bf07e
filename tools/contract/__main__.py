"""`make contract`: what the product assumes about S3, tested on a real bucket.

It works under its own prefix, contract/<uuid>/, removes everything it has made there, even after an error or Ctrl-C,
and touches no other key; after a kill -9, remove the prefix by hand. It uploads about 30 MiB. The bucket needs
versioning and must not have Object Lock. The caller needs, on that prefix, s3:PutObject, s3:GetObject,
s3:GetObjectVersion, s3:GetObjectAttributes, s3:AbortMultipartUpload, s3:DeleteObject and s3:DeleteObjectVersion, and on
the bucket s3:ListBucket, s3:ListBucketVersions and s3:ListBucketMultipartUploads.

Every line is one assumption:
  passed      S3 did what the product relies on
  weaker      SeaweedFS, which stands for S3 in the tests, is known to do less here
  not proven  SeaweedFS cannot show it reliably, so it is tested on a real bucket only
  failed      an assumption is wrong: the exit code is 1

The races run several times, with requests that may or may not collide: passing them is evidence, not proof.
"""

import argparse
import signal
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape

from spaaza_snapshots.base.sdk import COMPLETE_SDK_CONFIG
from tools.contract.conditions import CONDITIONS
from tools.contract.ends import ENDS
from tools.contract.objects import OBJECTS
from tools.contract.place import RACE_ROUNDS, NotCleaned, NotHeld, Place

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Assumption = Callable[[Place], str]

ASSUMPTIONS: Final[Sequence[Assumption]] = (*CONDITIONS, *ENDS, *OBJECTS)

WEAKER_ON_SEAWEEDFS: Final[Mapping[str, str]] = {
    "a_wrong_size_of_the_whole_is_refused_and_leaves_no_object": "does not look at MpuObjectSize",
    "the_attributes_of_an_object_tell_its_crc32_and_its_size": "has no checksum there; HeadObject does",
}
"""What SeaweedFS does instead, every time."""

UNPROVEN_ON_SEAWEEDFS: Final[Mapping[str, str]] = {
    "of_completes_at_once_for_a_new_object_exactly_one_wins": "checks the condition, then writes: several may win",
    "of_completes_at_once_over_a_known_object_exactly_one_wins": "checks the condition, then writes: several may win",
    "behind_a_confirmed_abort_a_complete_under_way_changes_nothing": "held in 300 rounds, perhaps not by design",
}
"""What SeaweedFS does in these cases; no test can rely on it."""

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED: Final = 130


class Verdict(StrEnum):
    """How an assumption fared."""

    PASSED = "passed"
    WEAKER = "weaker"
    NOT_PROVEN = "not proven"
    FAILED = "failed"


COLOURS: Final = {
    Verdict.PASSED: "green",
    Verdict.WEAKER: "yellow",
    Verdict.NOT_PROVEN: "yellow",
    Verdict.FAILED: "bold red",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One assumption and what was seen."""

    name: str
    verdict: Verdict
    detail: str


def main() -> int:
    """Test every assumption; the exit code is 0 only if none fails."""
    options = _options()
    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(__doc__ or ""))
    s3 = boto3.client("s3", config=COMPLETE_SDK_CONFIG, region_name=options.region, endpoint_url=options.endpoint_url)
    place = Place(s3, options.bucket, f"contract/{uuid.uuid4()}/", options.rounds)
    try:
        return _shown(place, console)
    except KeyboardInterrupt:
        console.print("Interrupted; everything it had made is removed.")
        return INTERRUPTED
    except NotCleaned as left:
        console.print(f"[bold red]Not removed[/], from {options.bucket}:\n{escape(str(left))}")
    except (ClientError, BotoCoreError) as error:
        console.print(f"[bold red]Stopped[/] at s3://{options.bucket}/{place.prefix}: {escape(str(error))}")
    finally:
        s3.close()
    return 1


def results(place: Place, *, on_seaweedfs: bool) -> Iterator[Result]:
    """Yield the result of each assumption, one by one; `cleaned` removes what they leave."""
    for assumption in ASSUMPTIONS:
        yield _tried(assumption, place, on_seaweedfs=on_seaweedfs)


def is_seaweedfs(s3: "S3Client", bucket: str) -> bool:
    """Ask a bucket's server whether it is SeaweedFS; raises the SDK's errors if the bucket cannot be used."""
    headers = s3.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    return headers.get("server", "").startswith("SeaweedFS")


@contextmanager
def cleaned(place: Place) -> Iterator[None]:
    """Remove everything made in a place; the first signal ends the work there, later ones do not stop the removal."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    interrupted = False

    def interrupt_once(_number: int, _frame: FrameType | None) -> NoReturn:
        nonlocal interrupted
        interrupted = True
        _ignore_signals()
        raise KeyboardInterrupt

    try:
        try:
            for number in SIGNALS:
                signal.signal(number, interrupt_once)
            yield
            if interrupted:  # somewhere that swallows exceptions, such as a finalizer
                raise KeyboardInterrupt
        finally:
            _ignore_signals()
    finally:
        try:
            place.clean()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bucket", required=True, help="a bucket with versioning")
    parser.add_argument("--region", help="its region; default: the SDK's")
    parser.add_argument("--endpoint-url", help="address of an S3 other than AWS")
    parser.add_argument("--rounds", type=int, default=RACE_ROUNDS, help="number of times to run each race")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    return options


def _shown(place: Place, console: Console) -> int:
    on_seaweedfs = is_seaweedfs(place.s3, place.bucket)
    place.left()  # without the permission to list, cleaning up would fail too: stop before anything is made
    console.print(f"s3://{place.bucket}/{place.prefix}\n")
    failed = 0
    with cleaned(place):
        for result in results(place, on_seaweedfs=on_seaweedfs):
            console.print(_line(result))
            failed += result.verdict is Verdict.FAILED
    console.print(f"\n{failed} of {len(ASSUMPTIONS)} failed; everything it made is removed.")
    return 1 if failed else 0


def _tried(assumption: Assumption, place: Place, *, on_seaweedfs: bool) -> Result:
    name = assumption.__name__
    if on_seaweedfs and name in UNPROVEN_ON_SEAWEEDFS:
        return Result(name, Verdict.NOT_PROVEN, UNPROVEN_ON_SEAWEEDFS[name])
    try:
        return Result(name, Verdict.PASSED, assumption(place))
    except NotHeld as broken:
        if on_seaweedfs and name in WEAKER_ON_SEAWEEDFS:
            return Result(name, Verdict.WEAKER, WEAKER_ON_SEAWEEDFS[name])
        return Result(name, Verdict.FAILED, str(broken))
    except (ClientError, BotoCoreError) as error:
        return Result(name, Verdict.FAILED, str(error))


def _line(result: Result) -> str:
    verdict = f"[{COLOURS[result.verdict]}]{result.verdict:<10}[/]"
    return f"{verdict}  {result.name.replace('_', ' ').capitalize()}: [dim]{escape(result.detail)}[/]"


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
