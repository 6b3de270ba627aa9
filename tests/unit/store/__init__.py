"""Tests of harness/store."""
