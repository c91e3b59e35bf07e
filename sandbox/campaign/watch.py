"""What must hold after each step, whatever went wrong in it.

object     the object that a manifest names exists, inflates, counts and hashes as it says; only a recorded erasure may
           take it away; each object in place, held or not, is an export that Spaaza sent to its end
record     the object in place has its own record: a manifest, or a draft
held       no manifest of an export that the guard doubts, unless it was accepted
replaced   what is committed is replaced only by a forced run
upload     no upload stays open behind an error that was handled, unless the abort failed
typed      rows of the typed copy and rejects are the manifest's rows
marks      no mark of a cell, no id and no session key is in a log line, metric, error, event, or small object
files      nothing is left on the function's disk
error      whatever is raised is one of the product's errors
heal       the next run without faults ends right
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from sandbox.campaign.draws import Kind, Step
from sandbox.campaign.exports import FIRST_ID, MARK, PERSON
from sandbox.campaign.ledger import Ledger, Version
from sandbox.campaign.steps import Steps
from sandbox.campaign.world import World
from spaaza_snapshots.errors import SnapshotError, SnapshotHeld
from spaaza_snapshots.model import keys
from spaaza_snapshots.model.snapshot_id import SnapshotId

ID_MARK = str(FIRST_ID)[:9]
"""What the ids of all users but the person begin with."""


class Watch:
    """Judges one world after each step."""

    def __init__(self, world: World, steps: Steps) -> None:
        self._world = world
        self._steps = steps
        self._ledger = Ledger(world.stack)
        self._uploads: Counter[str] = Counter()
        self._may_replace: Counter[tuple[int, date]] = Counter()
        self._accepted: set[tuple[int, date]] = set()

    def expect(self, step: Step) -> None:
        """Note what a step is allowed to do, before it does it."""
        kinds = step.kinds if step.kind is Kind.TWO else (step.kind,)
        name = (step.chain_id, self._world.today)
        self._may_replace[name] += sum(kind in (Kind.FORCED, Kind.ACCEPTED) for kind in kinds)
        if Kind.ACCEPTED in kinds:
            self._accepted.add(name)

    def after(self) -> list[str]:
        """Return what a step has broken."""
        new = self._ledger.look()
        return [
            *(f"error: {type(error).__name__}" for error in self._steps.errors if not isinstance(error, SnapshotError)),
            *self._objects(),
            *self._records(),
            *self._replaced(),
            *self._open(),
            *self._typed(),
            *self._marks(new),
            *(f"files: {path.name} is left" for path in self._world.folder.iterdir()),
        ]

    def healed(self, chain_id: int) -> list[str]:
        """Make a run without faults, and its typed copy; return what is not as it should be then."""
        self._world.tell_secret()
        try:
            self._run_well(chain_id)
            snapshot_id = SnapshotId(chain_id, self._world.today)
            self._steps.typed(snapshot_id, self._world.clock())
        except Exception as error:  # noqa: BLE001 # the violation says which
            self._steps.errors.append(error)
            return [f"heal: a run without faults ended with {type(error).__name__}: {error}"]
        return [*self.after(), *self._unsettled(snapshot_id)]

    def _run_well(self, chain_id: int) -> None:
        try:
            self._steps.run(self._steps.event(Kind.SCHEDULED, chain_id), self._world.clock())
        except SnapshotHeld:  # held too often: only a person can decide
            self._accepted.add((chain_id, self._world.today))
            self._may_replace[chain_id, self._world.today] += 1
            self._steps.run(self._steps.event(Kind.ACCEPTED, chain_id), self._world.clock())

    def _unsettled(self, snapshot_id: SnapshotId) -> Iterator[str]:
        now = self._ledger.now
        wanted = (snapshot_id.raw_key, snapshot_id.manifest_key, snapshot_id.parquet_key, snapshot_id.quality_key)
        runs = {key.partition("/")[0]: now[key].run_id if key in now else None for key in wanted}
        if len(set(runs.values())) > 1:
            yield f"heal: {snapshot_id} is of several runs: {runs}"
        if snapshot_id.pending_key(str(runs["raw"])) in now:
            yield f"heal: {snapshot_id} still has its draft"

    def _objects(self) -> Iterator[str]:
        erased = self._ledger.erased()
        for manifest in self._ledger.below(keys.MANIFESTS_ROOT):
            assert manifest.document is not None
            raw = manifest.document["raw"]
            name = (raw["key"], raw["version_id"])
            if name not in self._ledger.there | erased:
                yield f"object: {manifest.key} names a version that is not there"
            elif name in self._ledger.ever:
                yield from self._described(manifest, self._ledger.ever[name])
            if manifest.is_doubtful and (manifest.chain_id, manifest.day) not in self._accepted:
                yield f"held: {manifest.key} is of an export that nobody accepted"

    def _described(self, manifest: Version, there: Version) -> Iterator[str]:
        assert manifest.document is not None
        assert there.content is not None
        raw, seen = manifest.document["raw"], there.content
        says = (manifest.run_id, raw["sha256"], raw["gzip_bytes"], raw["csv_bytes"])
        etags = (there.etag, None)  # None in a draft, which is written before its object
        if says != (there.run_id, seen.sha256, seen.gzip_bytes, seen.csv_bytes) or raw["etag"] not in etags:
            yield f"object: {manifest.key} does not describe the bytes of its object"
        if manifest.document["row_count"] != seen.rows:
            yield f"object: {manifest.key} counts {manifest.document['row_count']} rows, the object has {seen.rows}"

    def _records(self) -> Iterator[str]:
        spaaza = self._world.spaaza
        for raw in self._ledger.below(keys.RAW_ROOT):
            assert raw.content is not None
            if raw.content.sha256 not in spaaza.whole or raw.content.csv_sha256 not in spaaza.csvs:
                yield f"object: {raw.key} is of bytes that Spaaza never sent to their end"
            snapshot_id = SnapshotId(raw.chain_id, raw.day)
            manifest = self._ledger.now.get(snapshot_id.manifest_key)
            mine = manifest is not None and manifest.run_id == raw.run_id
            draft = self._ledger.now.get(snapshot_id.pending_key(raw.run_id))
            if draft is not None:
                yield from self._described(draft, raw)
            elif not mine:
                yield f"record: the object of {snapshot_id} has neither manifest nor draft"

    def _replaced(self) -> Iterator[str]:
        documents = [*self._ledger.ever_below(keys.PENDING_ROOT), *self._ledger.ever_below(keys.MANIFESTS_ROOT)]
        good = {document.run_id for document in documents if not document.is_doubtful}
        erased = {key for key, _ in self._ledger.erased()}
        runs: dict[str, set[str]] = {}
        for raw in self._ledger.ever_below(keys.RAW_ROOT):
            if raw.run_id in good:
                runs.setdefault(raw.key, set()).add(raw.run_id)
        for key, of_runs in runs.items():
            name = _name_of(key)
            if key not in erased and len(of_runs) > 1 + self._may_replace[name]:
                yield f"replaced: {key} had {len(of_runs)} good exports, with {self._may_replace[name]} runs that may"

    def _open(self) -> Iterator[str]:
        uploads = Counter(self._world.stack.open_uploads())
        more = uploads - self._uploads
        self._uploads = uploads
        if more and not self._steps.aborts_failed:
            yield f"upload: {more.total()} stay open"

    def _typed(self) -> Iterator[str]:
        manifests = {manifest.run_id: manifest for manifest in self._ledger.ever_below(keys.MANIFESTS_ROOT)}
        erased = {key for key, _ in self._ledger.erased()}
        for report in self._ledger.below(keys.QUALITY_ROOT):
            found = report.document
            assert found is not None
            manifest = manifests.get(report.run_id)
            rows = manifest.document["row_count"] if manifest and manifest.document else None
            if not found["parquet_rows"] + found["rejected_rows"] == found["row_count"] == rows:
                yield f"typed: {report.key} does not add up to {rows} rows"
            snapshot_id = SnapshotId(report.chain_id, report.day)
            copy = self._ledger.now.get(snapshot_id.parquet_key)
            is_of_report = copy is not None and copy.run_id == report.run_id and copy.key not in erased
            if copy and is_of_report and len(copy.ids) != found["parquet_rows"]:
                yield f"typed: {copy.key} has {len(copy.ids)} rows, its report says {found['parquet_rows']}"

    def _marks(self, new: list[Version]) -> Iterator[str]:
        world = self._world
        texts = {version.key: version.text for version in new if version.text}
        texts["the log, the metrics or the output"] = world.heard.getvalue()
        texts["an error"] = "\n".join(world.said)
        texts["an event"] = repr(world.stack.listener.events())
        marks = {"a cell": MARK, "an id": ID_MARK, "the person": str(PERSON)}
        marks |= {f"session key {number}": key for number, key in enumerate(world.keys, start=1)}
        for where, text in texts.items():
            yield from (f"marks: {what} is in {where}" for what, mark in marks.items() if mark in text)
        world.heard.seek(0)
        world.heard.truncate()
        world.said.clear()


def _name_of(raw_key: str) -> tuple[int, date]:
    found = keys.date_of(raw_key)
    assert found is not None
    return int(raw_key.partition("chain_id=")[2].partition("/")[0]), found
