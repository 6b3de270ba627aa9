"""Statistics held against made-up runs whose truth is known; seeded, so that a run of them is the same everywhere."""
