"""`make bench`: what a run costs beside the least it could cost and beside its peers, all in one run.

Each part is a module `part_*.py` that returns a `Section` of docs/PERFORMANCE.md. Whatever is timed runs in a process
of its own (`clients/`), one after another in rounds, so that a slow moment of the machine affects all of them.
"""
