"""memverdict's harness: how statements about memory management are measured and judged.

The pipeline, as plain values with functions between them::

    benchmarks/ + langs/ -> Catalog
    Claim -> Demand* -> Cell* -> advance -> Block* -> run -> Record* -> results/runs/<id>/
    Record* -> Sample* -> Estimate* -> Comparison* -> Finding* -> Verdict* -> Report

Everything but running, storing and rendering is pure: no clock, no engine, no files, and randomness
only from a seed that is passed in. The order of the pipeline is the order of the packages below, and
each may import only those to its left; ``tests/unit/test_layers.py`` holds the code to it.
"""

from typing import Final

LAYERS: Final[tuple[tuple[str, ...], ...]] = (
    ("errors", "units"),
    ("stats",),
    ("catalog",),
    ("claims",),
    ("protocol",),
    ("samples",),
    ("plan",),
    ("store",),
    ("engines",),
    ("execute",),
    ("validate",),
    ("gate",),
    ("report",),
    ("cli",),
)
"""Packages and modules of ``harness`` from left to right; modules of one tuple do not import each other."""
