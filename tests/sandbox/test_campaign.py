"""The campaign: a slice of it holds, a broken product does not, and what it prints replays it."""

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest

from sandbox.aws.moto import MotoAws
from sandbox.aws.seaweed import SeaweedS3
from sandbox.campaign import planted
from sandbox.campaign.draws import draw_step
from sandbox.campaign.episode import play
from sandbox.campaign.world import Servers
from sandbox.wire.wire import Wire

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

MEETING = 2
"""The episode whose second step lets two scheduled runs commit the same day at the same instant."""
FOUND = (MEETING,)


@pytest.fixture
def servers(seaweed: SeaweedS3, moto_aws: MotoAws, wire: Wire, s3: "S3Client") -> Servers:
    return Servers(seaweed, moto_aws, wire, s3)


@pytest.mark.parametrize("seed", FOUND)
def test_every_promise_holds_after_every_step_whatever_fails(servers: Servers, seed: int) -> None:
    faults: Counter[str] = Counter()
    told = play(servers, seed, faults, Counter(), most_steps=6)
    assert told.violations == ()
    assert told.steps == 6
    assert faults["two commits meet"] == 2


def test_a_seed_draws_the_same_steps_every_time() -> None:
    one, other = Random(17), Random(17)
    assert [draw_step(one) for _ in range(50)] == [draw_step(other) for _ in range(50)]


def test_without_the_condition_of_complete_a_run_replaces_a_good_snapshot_and_the_line_to_replay_it_is_printed() -> (
    None
):
    printed = planted.search("unconditional", MEETING, "--count", "1")
    assert "VIOLATION replaced: raw/users/chain_id=1783/dt=2024-02-29/users.csv.gz had 2 good exports" in printed
    assert f"again: .venv/bin/python -m sandbox.campaign --replay {MEETING}\n" in printed
    assert printed.splitlines()[-1].endswith(f" 1 violations, seed {MEETING}")
