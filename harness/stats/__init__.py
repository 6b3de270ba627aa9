"""Statistics on paired blocks: arrays in, values out; knows nothing of benchmarks."""
