"""`make soak`: what a warm process, a very large export, a bomb and many chains at once do to the export function.

Each part is a module `part_*.py` that returns a `Section` of docs/ENDURANCE.md.
"""
