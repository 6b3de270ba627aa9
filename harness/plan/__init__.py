"""From what claims demand to what runs next: cells, order, and one pure function that advances a run."""
