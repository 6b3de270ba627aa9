"""Tests of harness/claims, one module a file."""
