"""Tests of harness/cli, one module a file."""
