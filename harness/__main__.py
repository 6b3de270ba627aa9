"""``python -m harness``: the same as the script ``memverdict``."""

from harness.cli import main

main()
