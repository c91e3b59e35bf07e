"""The bucket: what keeps its data, and keeps it private."""

from collections.abc import Mapping
from typing import Final

from spaaza_snapshots.base.aws_errors import MISSING, answer_of
from spaaza_snapshots.model import keys
from spaaza_snapshots.s3.snapshot_store import SnapshotStore
from spaaza_snapshots.upkeep.advice import DAMAGED_RECORD, OPERATIONS
from spaaza_snapshots.upkeep.days import chains_in
from spaaza_snapshots.upkeep.doctor.examination import Finding, SetupCheck, bad, good, unknown
from spaaza_snapshots.upkeep.doctor.surroundings import Surroundings
from spaaza_snapshots.upkeep.scheduler import PUT_BACK

EXPIRING: Final = ("raw/", "parquet/", "pending/", "athena-results/")
"""What holds personal data, and has to end."""

BLOCKS: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def _bucket(here: Surroundings) -> Finding:
    name = here.output("BucketName")
    if answer_of(here.client("s3").head_bucket, MISSING | {"NoSuchBucket"}, Bucket=name) is None:
        fix = "Its snapshots are gone with it. Delete the stack and deploy it again: make destroy, make deploy."
        return bad(f"{name} does not exist", fix)
    return good(name)


def _versions(here: Surroundings) -> Finding:
    name = here.output("BucketName")
    state = here.client("s3").get_bucket_versioning(Bucket=name).get("Status", "never enabled")
    if state != "Enabled":
        call = f"aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"
        return bad(f"versioning is {state.lower()}: what is replaced is lost", call)
    return good("versioning is enabled")


def _public_access(here: Surroundings) -> Finding:
    name, missing = here.output("BucketName"), ("NoSuchPublicAccessBlockConfiguration",)
    found = answer_of(here.client("s3").get_public_access_block, missing, Bucket=name) or {}
    blocks: Mapping[str, bool] = found.get("PublicAccessBlockConfiguration", {})
    open_ones = [block for block in BLOCKS if not blocks.get(block)]
    if open_ones:
        settings = ",".join(f"{block}=true" for block in BLOCKS)
        call = f"aws s3api put-public-access-block --bucket {name} --public-access-block-configuration {settings}"
        return bad(f"not set: {', '.join(open_ones)}", call)
    return good("all four ways are blocked")


def _encryption(here: Surroundings) -> Finding:
    missing = ("ServerSideEncryptionConfigurationNotFoundError",)
    found = answer_of(here.client("s3").get_bucket_encryption, missing, Bucket=here.output("BucketName")) or {}
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    kinds = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules]
    key = here.parameter("BucketKmsKeyArn")
    if not kinds:
        return bad("nothing says how objects are encrypted", PUT_BACK)
    if key and kinds[0].get("KMSMasterKeyID") != key:
        fix = "Objects are written with another key than the functions may use. Give the bucket that key again."
        return bad(f"not with the stack's key, but {kinds[0].get('SSEAlgorithm')}", fix)
    return good(f"new objects are encrypted with {kinds[0].get('SSEAlgorithm')}")


def _lifecycle(here: Surroundings) -> Finding:
    name, missing = here.output("BucketName"), ("NoSuchLifecycleConfiguration",)
    found = answer_of(here.client("s3").get_bucket_lifecycle_configuration, missing, Bucket=name) or {}
    rules = [rule for rule in found.get("Rules", ()) if rule.get("Status") == "Enabled"]
    expiring = [rule for rule in rules if rule.get("Expiration", {}).get("Days")]
    ending = {rule.get("Prefix") or rule.get("Filter", {}).get("Prefix", "") for rule in expiring}
    lacking = [prefix for prefix in EXPIRING if prefix not in ending]
    if not any(rule.get("NoncurrentVersionExpiration") for rule in rules):
        lacking.append("old versions")
    if lacking:
        return bad(f"personal data never expires: no rule ends {', '.join(lacking)}", PUT_BACK)
    return good(f"{len(rules)} rules end what holds personal data")


def _environment(here: Surroundings) -> Finding:
    """Compare each chain's latest readable manifest with the stack, as a run does."""
    s3, name, wanted = here.client("s3"), here.output("BucketName"), here.parameter("SpaazaEnvironment")
    store = SnapshotStore(s3, name)
    latest = {chain: store.latest(chain) for chain in chains_in(s3, name)}
    found = {chain: manifest and manifest.environment for chain, manifest in latest.items()}
    others = [f"{chain} of {of}" for chain, of in found.items() if of not in (None, wanted)]
    if others:
        text = f"the stack is for {wanted}, but holds snapshots of chain {', '.join(others)}"
        own = "deploy a stack of its own for the other, and SpaazaEnvironment as it was"
        return bad(text, f"A bucket serves one environment: {own}.")
    is_known = wanted in found.values()
    if found and not is_known:
        return unknown("no chain has a manifest that can be read", "make status says how the days stand.")
    return good(f"snapshots of {wanted} only" if is_known else "no snapshot yet")


def _erasures(here: Surroundings) -> Finding:
    """Look for erasures of which it is not proven that nothing is left: of a killed command, or of one that failed."""
    s3, name = here.client("s3"), here.output("BucketName")
    found = [SnapshotStore(s3, name).erasures(chain) for chain in chains_in(s3, name, (keys.ERASURES_ROOT,))]
    damaged = ", ".join(key for of_chain in found for key in of_chain.damaged)
    unfinished = [erasure for of_chain in found for erasure in of_chain.unfinished]
    texts, fixes = [], []
    if damaged:
        texts.append(f"records that cannot be read: {damaged}")
        fixes.append(f'Restore them: "{DAMAGED_RECORD}" in {OPERATIONS}.')
    if unfinished:
        begun = "; ".join(f"chain {erasure.chain_id}, begun at {erasure.started_at}" for erasure in unfinished)
        of_chains = dict.fromkeys(erasure.chain_id for erasure in unfinished)
        finish = " and ".join(f"make erase CHAIN={chain} YES=1" for chain in of_chains)
        texts.append(f"not finished: {begun}")
        fixes.append(f"{finish}, with the ids that it was begun with, finishes it.")
    return bad("; ".join(texts), " ".join(fixes)) if texts else good("none is unfinished")


BUCKET = (
    SetupCheck("bucket", _bucket, ("stack",)),
    SetupCheck("bucket versions", _versions, ("bucket",)),
    SetupCheck("bucket private", _public_access, ("bucket",)),
    SetupCheck("bucket encryption", _encryption, ("bucket",)),
    SetupCheck("bucket expiry", _lifecycle, ("bucket",)),
    SetupCheck("one environment", _environment, ("bucket",)),
    SetupCheck("erasures", _erasures, ("bucket",)),
)
