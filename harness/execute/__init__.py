"""Running blocks: one handshake with every worker, what the host saw meanwhile, a record at the end."""
