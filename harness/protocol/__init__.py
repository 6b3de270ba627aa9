"""The harness side of langs/PROTOCOL.md: messages in, records out."""
