"""Workers that speak the protocol or break it on purpose, and hand-made values for tests."""
