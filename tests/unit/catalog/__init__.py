"""Tests of harness/catalog, one module a file."""
