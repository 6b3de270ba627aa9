"""Faults on purpose: what is killed, flooded, filled or held, and what must survive."""
