"""Tests of harness/plan, one module a file."""
