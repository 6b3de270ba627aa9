"""What is kept: runs as folders of append-only records, one lock per results folder, provenance."""
