"""One episode: a bucket and a seed, from which every step and every fault follows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final

from sandbox.aws.event_contract import BrokenContract
from sandbox.campaign.draws import Step, draw_step
from sandbox.campaign.steps import Steps
from sandbox.campaign.watch import Watch
from sandbox.campaign.world import Servers, new_world
from sandbox.spaaza.server import CHAINS

STEPS: Final = 12


@dataclass(frozen=True)
class Told:
    """The end of an episode: a line for each step, and what was broken by the last of them."""

    lines: Sequence[str]
    violations: Sequence[str]

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.lines)


def play(servers: Servers, seed: int, counts: Counter[str], kinds: Counter[str], *, most_steps: int = STEPS) -> Told:
    """Play it up to the first violation; `counts` gets the faults that happened, `kinds` the steps made."""
    lines: list[str] = []
    violations: list[str] = []
    try:
        with new_world(servers, f"campaign-{seed}") as world:
            random = Random(seed)
            steps = Steps(world, random, counts)
            watch = Watch(world, steps)
            while len(lines) < most_steps and not violations:
                step = draw_step(random)
                kinds[step.kind] += 1
                world.today += timedelta(days=step.new_day)
                lines.append(f"{len(lines) + 1}. {world.today} {step.told()}")
                violations += _made(step, steps, watch, last=len(lines) == most_steps)
                lines[-1] += f" -> {', '.join(type(error).__name__ for error in steps.errors) or 'no error'}"
    except BrokenContract as error:  # found by the bus, told when it ends
        violations.append(f"event: {error}")
    return Told(tuple(lines), tuple(violations))


def _made(step: Step, steps: Steps, watch: Watch, *, last: bool) -> list[str]:
    """Make a step and judge it; after the last, every chain must end right."""
    watch.expect(step)
    steps.play(step)
    violations = watch.after()
    healed = CHAINS if last else (step.chain_id,) if step.heal else ()
    for chain_id in healed:
        violations += [] if violations else watch.healed(chain_id)
    return violations
