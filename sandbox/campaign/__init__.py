"""Days of the product's life on real servers, with a seed that draws every step and every fault, and a watch on them.

draws.py       the steps of an episode, and the faults of each
exports.py     what Spaaza answers: sound exports, and broken ones
world.py       the servers, a bucket, and a clock that the campaign holds
steps.py       carries a step out
ledger.py      every version of every object, as it was when it was first seen
watch.py       what must hold after each step
episode.py     one seed from its first step to its last
__main__.py    `make campaign`
planted.py     the same, with one condition removed from the product

A plain `random.Random` draws, not Hypothesis' state machine: a step takes up to seconds here, so a search for a smaller
example would take an hour, and two runs at once end differently each time, which Hypothesis calls flaky. Instead an
episode is short, and has a bucket and a seed of its own: that seed alone replays it.
"""
