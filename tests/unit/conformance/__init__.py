"""Tests of the conformance tests' own judgement: that they can fail."""
