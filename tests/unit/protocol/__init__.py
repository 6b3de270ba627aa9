"""Tests of harness/protocol."""
