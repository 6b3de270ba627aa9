"""The tests of memverdict: unit tests, models of the workloads, conformance of the real programs, mutants."""
