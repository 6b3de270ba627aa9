"""Known truths, and whether the harness read them back."""
