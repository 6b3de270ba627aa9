"""The ground-truth suite on real programs: whole and sound, and with one part broken at a time."""
