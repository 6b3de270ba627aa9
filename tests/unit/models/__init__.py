"""Tests of the models themselves."""
