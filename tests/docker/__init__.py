"""Tests that need a Docker daemon: real containers, and a private daemon where one is killed."""
