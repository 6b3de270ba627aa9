"""Independent models: for each workload, what a correct program must report, in Python.

Written from the algorithm text in ``benchmarks/workloads/<id>.toml`` and from ``langs/PROTOCOL.md``, never from a
program. Where the text permits a derivation simpler than the work itself (a tree's pre-order is the order of its
draws), the model takes it: agreement then means more than two copies of one loop agreeing.

Each module has ``run(parameters, variant, seed) -> Result``, ``GOLDEN_SEED`` and ``GOLDEN_SIZES``: the seed that its
golden values are for, and the sizes at which it ends within about a minute. Imports are relative, so that the package
can be loaded by its path as well as by its name.
"""
