"""Slices of `make soak`: a process that stays warm, an export made as it is sent, and many chains at once."""

from dataclasses import replace

from sandbox.aws.stack import Stack
from tools.soak import part_load
from tools.soak.crowd import FIRST_CHAIN, Verdict
from tools.soak.endless import Endless
from tools.soak.exports import users_block
from tools.soak.part_large import LOOKS, send
from tools.soak.part_warm import CHAINS, LARGE_CHAIN, wear
from tools.soak.troubles import TROUBLES

MB = 1_000_000
MEMORY_MB, THREADS, SOCKETS = 30, 2, 3
"""How much more than after a tenth of it, when some buffers were not full yet; a part kept by each run would be 100."""

SNAPSHOTS = 12


def test_a_process_that_stays_warm_holds_no_more_after_runs_of_every_kind(stack: Stack) -> None:
    stack.spaaza.chains = frozenset((*CHAINS, LARGE_CHAIN))
    worn = wear(stack, SNAPSHOTS, 100, TROUBLES, trouble_every=2)
    _, (_, _, before), *_, (_, _, after) = worn.looks
    assert worn.snapshots >= SNAPSHOTS
    assert worn.runs - worn.snapshots > SNAPSHOTS // 2
    assert after.memory_bytes - before.memory_bytes < MEMORY_MB * MB
    assert after.threads - before.threads <= THREADS
    assert after.sockets - before.sockets <= SOCKETS
    assert after.descriptors - before.descriptors <= SOCKETS


def test_an_export_that_is_made_as_it_is_sent_is_taken_whole_by_an_s3_that_checks_and_forgets(stack: Stack) -> None:
    users = users_block()
    export = Endless(users.header, users.records, LOOKS)
    ended, looks = send(stack, export)
    assert ended.payload["row_count"] == users.rows * export.times
    assert (ended.payload["raw"]["csv_bytes"], ended.payload["raw"]["gzip_bytes"]) == (
        export.csv_bytes,
        export.gzip_bytes,
    )
    assert len(looks) == LOOKS


def test_of_many_chains_at_once_each_is_taken_once_whatever_is_throttled_or_delivered_twice(stack: Stack) -> None:
    chains = range(FIRST_CHAIN, FIRST_CHAIN + 12)
    stack.spaaza.chains = frozenset(chains)
    crowd = part_load.crowd_of(stack, chains)
    config = replace(part_load.async_config(), first_interval_seconds=0.1, double_every=5, double_seconds=1.0)
    first, second = part_load.play(crowd, 3, config)
    assert (first.asked, first.failed, first.completed) == (12, 1, 11)  # Spaaza was busy for an hour with one of them
    assert (second.failed, second.completed, second.exports) == (0, 12, 1)
    assert min(first.doubles, first.returned, first.busy, first.slow) > 0
    assert Verdict.of(crowd) == Verdict(0, 0, 0, 0, 0)
