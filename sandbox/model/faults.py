"""Which call meets which fault: drawn for each interleaving, so that some are calm and some have one weak spot."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from random import Random

IN_A_ROW = (0.1, 0.5, 0.9)
"""How likely the retry of a faulty call meets a fault too: S3's bad minutes last, some longer than others."""


class Fault(StrEnum):
    """What may happen to one try of a call, or to a run."""

    REFUSED = "refused, not done"
    DENIED = "denied for good"
    LOST = "done, answer lost"
    LATE = "reported failed, done later"
    KILLED_BEFORE = "killed before a call"
    KILLED_AFTER = "killed after a call"
    KILLED_UNDER_WAY = "killed during a call"
    OUT_OF_TIME = "out of time"
    NO_EXPORT = "export refused or cut"


READ = (Fault.REFUSED, Fault.REFUSED, Fault.DENIED)
WRITE = (Fault.REFUSED, Fault.DENIED, Fault.LOST, Fault.LATE)

MEETS = {
    "HeadObject": READ,
    "GetObject": READ,
    "ListObjectsV2": READ,
    "PutObject": WRITE,
    "DeleteObject": WRITE,
    "CreateMultipartUpload": (Fault.REFUSED, Fault.DENIED, Fault.LOST),
    "UploadPart": (Fault.REFUSED, Fault.LOST),
    "CompleteMultipartUpload": (Fault.REFUSED, Fault.DENIED, Fault.LOST, Fault.LATE, Fault.LATE),
    "AbortMultipartUpload": (Fault.REFUSED, Fault.REFUSED, Fault.DENIED, Fault.LOST, Fault.LATE),
}
OPERATIONS = tuple(MEETS)
SPAAZA = "Spaaza"
KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER, Fault.KILLED_UNDER_WAY)
ENDS_OF_UPLOADS = ("CompleteMultipartUpload", "AbortMultipartUpload")
RATES = (0.0, 0.0, 0.04, 0.4)
HIGH = 0.7
CALLS_OF_A_RUN = 18


@dataclass(frozen=True, slots=True)
class Fate:
    """When and how a run is killed, and when its time runs out: numbers of its calls, 0 for never.

    `killed_in`: it is killed at its first call of this operation.
    """

    killed_at: int = 0
    killed_in: str = ""
    kill: Fault = Fault.KILLED_BEFORE
    out_of_time_at: int = 0


class Faults:
    """Draws the faults of one interleaving and counts those that happen."""

    def __init__(self, random: Random, counts: Counter[tuple[str, str]]) -> None:
        self._random = random
        self._counts = counts
        self._rates = dict.fromkeys(OPERATIONS, 0.0)
        self._in_a_row = 0.0
        self.no_export = 0.0
        self.happened = 0

    def stir(self) -> None:
        """Choose how much goes wrong and where: nowhere, here and there, or mostly where uploads end."""
        draw = self._random.random
        self._in_a_row = IN_A_ROW[int(draw() * len(IN_A_ROW))]
        mood = draw()
        if mood < 0.1:
            return
        if mood < 0.4:
            self._rates.update(dict.fromkeys(ENDS_OF_UPLOADS, HIGH))
            return
        for operation in OPERATIONS:
            self._rates[operation] = RATES[int(draw() * len(RATES))]
        self.no_export = RATES[int(draw() * len(RATES))] / 2

    def calm(self) -> None:
        """Let nothing go wrong from now on."""
        self._rates = dict.fromkeys(OPERATIONS, 0.0)
        self.no_export = 0.0

    def fate(self) -> Fate:
        """Draw how a run ends, unless it ends on its own."""
        random = self._random
        draw = random.random()
        return Fate(
            killed_at=random.randint(1, CALLS_OF_A_RUN) if draw < 0.15 else 0,
            killed_in="CompleteMultipartUpload" if 0.15 <= draw < 0.2 else "",
            kill=random.choice(KILLS),
            out_of_time_at=random.randint(1, CALLS_OF_A_RUN) if 0.2 <= draw < 0.3 else 0,
        )

    def of(self, operation: str, *, again: bool) -> Fault | None:
        """Draw what happens to a try; `again`: the previous try met a fault."""
        rate = self._in_a_row if again else self._rates[operation]
        if not rate or self._random.random() >= rate:
            return None
        return self._random.choice(MEETS[operation])

    def coin(self) -> bool:
        """Draw something too unimportant for a rate."""
        return self._random.random() < 0.5

    def export_fails(self) -> bool:
        """Draw whether Spaaza or the connection to it fails."""
        return self.no_export > 0 and self._random.random() < self.no_export

    def count(self, operation: str, fault: Fault) -> None:
        """Note a fault that happened."""
        self.happened += 1
        self._counts[operation, fault] += 1
