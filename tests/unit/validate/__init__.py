"""Tests of harness/validate, one module a file."""
