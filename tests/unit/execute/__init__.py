"""Tests of harness/execute."""
