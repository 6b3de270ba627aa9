"""Tests of one module each, without engines, compilers or waiting."""
